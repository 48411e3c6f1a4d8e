//! A plain GET where there is no curl, with curl's own exit codes.

use std::fmt::Write as _;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::{Args, Call, Identity};
use crate::command::block_on;
use crate::output;
use crate::probe::{self, Outcome, Target};
use crate::problem::{Problem, say};

/// curl's codes (curl.se/libcurl/c/libcurl-errors.html).
const CONNECT: u8 = 7;
const HANDSHAKE: u8 = 35;
const RECEIVE: u8 = 56;
const SERVER: u8 = 60;

/// Options of curl that mean something here.
#[derive(Default)]
struct Options {
    /// The head of the answer is printed too.
    head: bool,
}

pub(super) fn run(args: &Args, call: &Call, identity: Option<&Identity>) -> anyhow::Result<u8> {
    let options = options(args)?;
    say(
        "note",
        "curl is not used here: a client of its own sends a plain GET",
    );
    let Some(target) = call.target(args)? else {
        return Err(
            Problem::usage("without curl the URL must begin with https://")
                .hint("install curl, or write https://HOST"),
        );
    };
    if let Some(address) = &call.address
        && let Err(error) = block_on(address.look_up())
    {
        say("note", &format!("{error:#}; {}", address.way_out()));
        return Ok(super::NO_ADDRESS);
    }
    let identity = identity.map(Identity::to_show).transpose()?;
    let asked = block_on(async { Ok(get(&target, identity.as_ref(), &options).await) })?;
    let (code, outcome) = match asked {
        Ok(()) => return Ok(0),
        Err(Failure::Output(error)) => return Err(error),
        Err(Failure::Tls(outcome)) => (code(&outcome), outcome),
        // The alert of TLS 1.3 comes after the handshake; it is learnt once more.
        Err(Failure::Http) => {
            let outcome = block_on(async { Ok(probe::ask(&target, identity).await) })?;
            (RECEIVE, outcome)
        }
    };
    if let Some(text) = probe::explain(&outcome) {
        say("note", &text);
    }
    Ok(code)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let mut options = Options::default();
    for option in &args.curl {
        let option = option.to_string_lossy();
        let short = option.strip_prefix('-').unwrap_or_default();
        match &*option {
            "--include" => options.head = true,
            "--silent" | "--show-error" => {}
            _ if !short.is_empty() && short.chars().all(|char| "isS".contains(char)) => {
                options.head |= short.contains('i');
            }
            other => {
                return Err(Problem::world(format!(
                    "{other} needs curl, which is not used here: the client that is built in knows -i, -s and -S"
                ))
                .hint("install curl, on Linux; --print shows the command"));
            }
        }
    }
    Ok(options)
}

enum Failure {
    Tls(Outcome),
    Http,
    Output(anyhow::Error),
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::WrongServer(_) => SERVER,
        Outcome::Refused(_) => HANDSHAKE,
        _ => CONNECT,
    }
}

async fn get(
    target: &Target,
    identity: Option<&std::sync::Arc<probe::Identity>>,
    options: &Options,
) -> Result<(), Failure> {
    let stream = probe::open(target, identity).await.map_err(Failure::Tls)?;
    let request = http::Request::get(&target.path)
        .header("host", &target.host)
        .header("user-agent", "kubectl-mtls")
        .header("accept", "*/*")
        .header("connection", "close")
        .body(String::new());
    let request = request.map_err(|error| Failure::Output(error.into()))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|_| Failure::Http)?;
    let answer = async { sender.send_request(request).await };
    let (answer, body) = tokio::join!(
        async {
            let answer = answer.await.map_err(|_| Failure::Http)?;
            print(answer, options).await
        },
        connection
    );
    answer?;
    body.map_err(|_| Failure::Http)
}

async fn print(mut answer: http::Response<Incoming>, options: &Options) -> Result<(), Failure> {
    if options.head {
        let mut head = format!("HTTP/1.1 {}\r\n", answer.status());
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            // A String takes everything.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        output::bytes(format!("{head}\r\n").as_bytes()).map_err(Failure::Output)?;
    }
    while let Some(frame) = answer.body_mut().frame().await {
        let frame = frame.map_err(|_| Failure::Http)?;
        if let Some(part) = frame.data_ref() {
            output::bytes(part).map_err(Failure::Output)?;
        }
    }
    Ok(())
}
