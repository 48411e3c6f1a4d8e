//! `cargo xtask manifests N`: many Ingress manifests, for measuring.

use std::io::{BufWriter, Write as _};

pub(crate) fn run(count: usize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for number in 0..count {
        write!(out, "{}", tests::manifests::ingress(number))?;
    }
    Ok(out.flush()?)
}
