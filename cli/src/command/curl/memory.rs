//! curl as a child, with certificate and key in files that have no name.

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::Command;

use anyhow::Context as _;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{Args, Call, Identity};
use crate::problem::Problem;

/// Runs curl; `None` where it is not installed.
pub(super) fn execute(
    args: &Args,
    call: &Call,
    identity: Option<&Identity>,
) -> anyhow::Result<Option<u8>> {
    let mut command = Command::new("curl");
    // They must stay open while curl runs.
    let mut open: Vec<OwnedFd> = Vec::new();
    let mut give = |flag: &str, content: &[u8]| -> anyhow::Result<()> {
        let (descriptor, path) = in_memory(content)?;
        open.push(descriptor);
        command.arg(flag).arg(path);
        Ok(())
    };
    if let Some(identity) = identity {
        give("--cert", identity.chain.as_bytes())?;
        give("--key", identity.key.as_bytes())?;
    }
    if let (None, Some(certificate)) = (&args.place.server_ca, &call.certificate) {
        give("--cacert", certificate.as_bytes())?;
    }
    let _quiet = crate::progress::quiet();
    let status = command.args(call.arguments(args)).args(&args.curl).status();
    let status = match status {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        status => status.map_err(|error| {
            Problem::world(format!("curl cannot be started: {error}"))
                .hint("`curl --version` shows whether it works; --print shows the command")
        })?,
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Some(code.unwrap_or(1)))
}

/// A file without a name; curl opens it anew for each connection, which a pipe would not stand.
fn in_memory(content: &[u8]) -> anyhow::Result<(OwnedFd, OsString)> {
    let context = "making a file in memory";
    // Without CLOEXEC, because curl inherits it.
    let descriptor = memfd_create("kubectl-mtls", MemfdFlags::empty()).context(context)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(content).context(context)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok((file.into(), path.into()))
}
