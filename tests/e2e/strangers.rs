//! Who may connect to the webhook, and what a crowd of strangers does to it; certificates from
//! files.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use pki::{CaParams, LeafParams};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tests::cluster::Output;
use tests::webhook::{Webhook, certificate};
use tests::{keys, wait_until};

use crate::cluster;

/// A webhook that no API server asks, with the permissions of the administrator.
fn alone(name: &str, args: &[&str]) -> Webhook {
    Webhook::start_as(cluster(), name, &cluster().kubeconfig, args).unwrap()
}

const REVIEW: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop","object":{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"a","namespace":"shop"},"spec":{"rules":[{"host":"a.example"}]}}}}"#;

#[track_caller]
fn served(webhook: &Webhook) {
    let (status, answer) = webhook.post("/validate?timeout=10s", REVIEW).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"allowed\":true"), "{answer}");
}

#[test]
fn files_are_read_again_and_a_bad_pair_is_refused() {
    let webhook = alone("files", &[]);
    served(&webhook);
    certificate(&webhook.folder).unwrap();
    wait_until("the new certificate", Duration::from_secs(20), || {
        let (status, _) = webhook.post("/validate", REVIEW)?;
        ensure!(status == 200, "the old one is served still");
        Ok(())
    })
    .unwrap();
    let before = troubles(&webhook).unwrap();
    keys::secret(&webhook.folder.join("tls.key"), "no key").unwrap();
    wait_until("the refusal", Duration::from_secs(20), || {
        let now = troubles(&webhook)?;
        ensure!(now > before, "{now} troubles, as before");
        Ok(())
    })
    .unwrap();
    served(&webhook);
}

/// How often the serving certificate could not be read.
fn troubles(webhook: &Webhook) -> anyhow::Result<u64> {
    let metrics = webhook.health("metrics")?;
    let name = "mtls_webhook_certificate_troubles_total ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.context("no such metric")?.parse()?)
}

/// A TLS client that trusts what the webhook serves.
fn dial(webhook: &Webhook) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_file_iter(webhook.folder.join("ca.crt"))? {
        roots.add(ca?)?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1")?)?;
    let stream = TcpStream::connect(("127.0.0.1", webhook.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(StreamOwned::new(connection, stream))
}

fn head(length: usize) -> String {
    format!("POST /validate?timeout=30s HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn strangers_and_large_bodies_do_not_shut_out_the_api_server() {
    let webhook = alone("crowd", &[]);
    let mut client = dial(&webhook).unwrap();
    let mut ask = |what: &str| {
        let begun = Instant::now();
        let request = format!("{}{REVIEW}", head(REVIEW.len()));
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let count = client.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        tests::say(&format!("answered in {:?} {what}", begun.elapsed()));
    };
    ask("before");
    let mut crowd = Vec::new();
    for index in 0..10_000 {
        let mut stream = TcpStream::connect(("127.0.0.1", webhook.port)).unwrap();
        if index % 2 == 0 {
            // The beginning of a handshake, and no more; the place may be gone already.
            let _ = stream.write_all(&[0x16, 3, 1, 2]);
        }
        crowd.push(stream);
        if index % 2_000 == 0 {
            served(&webhook);
        }
    }
    ask("by a kept connection among 10 000 idle ones");
    served(&webhook);
    let mut slow = Vec::new();
    for _ in 0..12 {
        let mut stream = dial(&webhook).unwrap();
        stream.write_all(head(7 << 20).as_bytes()).unwrap();
        // It may be cut meanwhile.
        let _ = stream.write_all(&vec![b' '; 6 << 20]);
        slow.push(stream);
    }
    ask("by a kept connection among twelve half bodies of 7 MiB");
    served(&webhook);
    let large = format!("{REVIEW}{}", " ".repeat(8 << 20));
    let answer = webhook.curl(
        "/validate",
        &["-o", "/dev/null", "-w", "%{http_code}"],
        &large,
    );
    assert_eq!(answer.unwrap().stdout, "413");
    let padded = format!("{REVIEW}{}", " ".repeat(6 << 20));
    assert_eq!(webhook.post("/validate", &padded).unwrap().0, 200);
    let memory = webhook.process.memory().unwrap() / 1024;
    tests::say(&format!("{memory} MiB resident"));
    assert!(memory < 160, "{memory} MiB");
    drop((crowd, slow));
    served(&webhook);
}

/// One byte after another, until it is cut.
fn drip(
    mut slow: StreamOwned<ClientConnection, TcpStream>,
    bytes: &AtomicUsize,
) -> anyhow::Result<()> {
    slow.sock
        .set_read_timeout(Some(Duration::from_millis(100)))?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if slow.write_all(b"x").is_err() {
            return Ok(());
        }
        bytes.fetch_add(1, Ordering::Relaxed);
        match slow.read(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(count) if count > 0 => anyhow::bail!("it is answered"),
            Ok(_) | Err(_) => return Ok(()),
        }
    }
    anyhow::bail!("it is not cut")
}

/// Its bytes do not make it less of a stranger: it is the first to go once others come. While there
/// is room it has as long as a connection may be idle (a test of the webhook's own, with a clock of
/// its own).
#[test]
fn who_drips_its_headers_is_cut_and_holds_nobody_up() {
    let webhook = alone("drips", &[]);
    let mut slow = dial(&webhook).unwrap();
    let half = head(0).trim_end().to_owned();
    slow.write_all(format!("{half}\r\nX-Slow: ").as_bytes())
        .unwrap();
    let bytes = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| drip(slow, &bytes));
        wait_until("some bytes", Duration::from_secs(20), || {
            ensure!(bytes.load(Ordering::Relaxed) > 3, "fewer");
            Ok(())
        })
        .unwrap();
        let begun = Instant::now();
        served(&webhook);
        let took = begun.elapsed();
        tests::say(&format!("answered in {took:?} beside a drip"));
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(!slow.is_finished());
        let mut crowd = Vec::new();
        while !slow.is_finished() && crowd.len() < 2_000 {
            crowd.push(TcpStream::connect(("127.0.0.1", webhook.port)).unwrap());
        }
        served(&webhook);
        slow.join().unwrap().unwrap();
        let bytes = bytes.load(Ordering::Relaxed);
        tests::say(&format!("cut after {bytes} bytes, {} came", crowd.len()));
    });
    served(&webhook);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[test]
fn only_the_api_server_is_heard_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let shown = |name: &str| file(name).display().to_string();
    let make = || pki::create_root(&CaParams::new("front", now() + 3600), now()).unwrap();
    let (ca, other) = (make(), make());
    keys::secret(&file("ca.crt"), ca.chain_pem()).unwrap();
    for (name, cn, ca) in [
        ("good", "kube-apiserver", &ca),
        ("name", "mallory", &ca),
        ("foreign", "kube-apiserver", &other),
    ] {
        let issued = pki::issue(ca, &LeafParams::new(cn, now() + 600), now()).unwrap();
        keys::secret(&file(&format!("{name}.crt")), &issued.signed.chain_pem).unwrap();
        keys::issued(&file(&format!("{name}.key")), &issued).unwrap();
    }
    let option = format!("--api-server-ca={}", shown("ca.crt"));
    let webhook = alone("heard", &[&option, "--api-server-name=kube-apiserver"]);
    let ask = |name: &str| -> Output {
        let (cert, key) = (shown(&format!("{name}.crt")), shown(&format!("{name}.key")));
        webhook
            .curl("/validate", &["--cert", &cert, "--key", &key], REVIEW)
            .unwrap()
    };
    let good = ask("good");
    assert!(good.stdout.contains("\"allowed\":true"), "{}", good.all());
    for name in ["name", "foreign"] {
        let refused = ask(name);
        assert!(
            !refused.success && refused.stderr.contains("alert"),
            "{}",
            refused.all()
        );
    }
    let stranger = webhook.curl("/validate", &[], REVIEW).unwrap();
    assert!(
        !stranger.success && stranger.stderr.contains("alert"),
        "{}",
        stranger.all()
    );
    assert_eq!(webhook.health("livez").unwrap(), "ok");
    // Another CA takes its place without a restart.
    keys::secret(&file("ca.crt"), other.chain_pem()).unwrap();
    wait_until("the other CA", Duration::from_secs(20), || {
        let output = ask("foreign");
        ensure!(output.success, "{}", output.stderr);
        Ok(())
    })
    .unwrap();
    assert!(!ask("good").success);
}
