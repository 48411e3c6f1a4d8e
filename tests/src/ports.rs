//! Free ports on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// So many free ports. They are held together, so that no two are the same.
///
/// # Errors
/// When the system has none.
pub fn free<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).context("looking for a free port")?;
        *port = listener
            .local_addr()
            .context("looking for a free port")?
            .port();
        listeners.push(listener);
    }
    Ok(ports)
}
