//! An HTTP backend that answers every request with 200, and says what it saw of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use anyhow::Context as _;

/// Starts it on loopback, for the life of the process; returns its port. The answer holds the
/// request's line and headers, as they came.
///
/// # Errors
/// When there is no port.
pub fn start() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("starting a backend")?;
    let port = listener.local_addr().context("starting a backend")?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length = head.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
        stream.write_all(answer.as_bytes())?;
    }
}
