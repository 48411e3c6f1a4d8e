//! Every kind of certificate that is made here, judged by real gateways over TLS 1.2 and 1.3, and
//! revocation lists as nginx reads them.
#![allow(clippy::unwrap_used)]

mod contour;
mod curl;
mod hosts;
mod proof;
mod shapes;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use pki::case::{CASES, Case, Verifier, issue_case};
use pki::crl::{CRL_LIFETIME, Revoked, next, unhex};
use pki::{Authority, CA_LIFETIME, CaParams, Issued, KeyType, LeafParams, Profile, San};
use tests::cluster::{Output, run};
use tests::gateways::{Files, Gateway, envoy, nginx, rustls, traefik};
use tests::{keys, say};

const VERSIONS: [&[&str]; 2] = [&["--tls-max", "1.2"], &["--tlsv1.3"]];

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn root(key_type: KeyType, path_len: u8) -> Authority {
    let mut params = CaParams::new("partners", now() + CA_LIFETIME);
    (params.key_type, params.path_len) = (key_type, path_len);
    pki::create_root(&params, now()).unwrap()
}

/// A folder with a server certificate and a bundle of client CAs.
fn files(folder: &Path, client_ca: &str, crl: Option<&str>) -> Files {
    let ca = root(KeyType::default(), 0);
    let mut params = LeafParams::new("server", now() + pki::LEAF_LIFETIME);
    params.profile = Profile::Server;
    params.sans = ["127.0.0.1", "localhost"]
        .map(|name| San::parse(name).unwrap())
        .to_vec();
    let server = pki::issue(&ca, &params, now()).unwrap();
    let path = |name: &str| folder.join(name);
    fs::write(path("server.crt"), &server.signed.chain_pem).unwrap();
    keys::issued(&path("server.key"), &server).unwrap();
    fs::write(path("server-ca.crt"), ca.chain_pem()).unwrap();
    fs::write(path("client-ca.crt"), client_ca).unwrap();
    if let Some(crl) = crl {
        fs::write(path("ca.crl"), crl).unwrap();
    }
    // nginx's workers run as another user.
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    Files {
        folder: folder.to_owned(),
        cert: path("server.crt"),
        key: path("server.key"),
        server_ca: path("server-ca.crt"),
        client_ca: path("client-ca.crt"),
        crl: crl.map(|_| path("ca.crl")),
    }
}

/// One request with a client certificate; curl's exit code and the HTTP status.
fn call(folder: &Path, gateway: &Gateway, client: &Issued, version: &[&str]) -> Output {
    let (cert, key) = (folder.join("client.crt"), folder.join("client.key"));
    fs::write(&cert, &client.signed.chain_pem).unwrap();
    keys::issued(&key, client).unwrap();
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "--max-time",
        "10",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--cacert",
    ])
    .arg(folder.join("server-ca.crt"))
    .arg("--cert")
    .arg(cert)
    .arg("--key")
    .arg(key)
    .args(version)
    .arg(format!("https://127.0.0.1:{}/", gateway.port));
    run(&mut curl, "").unwrap()
}

/// The table of cases against one gateway.
fn judge(name: &str, verifier: Verifier, start: fn(&Files) -> anyhow::Result<Gateway>) {
    let folder = tempfile::tempdir().unwrap();
    let ca = root(KeyType::default(), 0);
    let gateway = start(&files(folder.path(), ca.root_pem(), None)).unwrap();
    let mut wrong = Vec::new();
    for row in CASES {
        let client = issue_case(&ca, row.case, "client", now()).unwrap();
        for version in VERSIONS {
            let said = call(folder.path(), &gateway, &client, version);
            let accepted = said.code == 0 && said.stdout == "200";
            let line = format!(
                "{name} {}: {}: HTTP {} {}",
                version.join(" "),
                row.id,
                said.stdout,
                said.stderr.lines().next().unwrap_or_default()
            );
            say(&line);
            if accepted != row.accepted_by.contains(&verifier) {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "not as the table says: {wrong:#?}");
}

#[test]
fn nginx_judges_as_the_table_says() {
    judge("nginx", Verifier::OpenSsl, nginx);
}

#[test]
fn traefik_judges_as_the_table_says() {
    judge("Traefik", Verifier::Go, traefik);
}

#[test]
fn envoy_judges_as_the_table_says() {
    judge("Envoy", Verifier::BoringSsl, envoy);
}

#[test]
fn rustls_judges_as_the_table_says() {
    judge("rustls", Verifier::Webpki, rustls);
}

/// A list of a CA that revokes some certificates.
fn list(ca: &Authority, revoked: &[&Issued]) -> String {
    let revoked: Vec<_> = revoked
        .iter()
        .map(|one| Revoked {
            serial: unhex(&one.signed.certificate.serial).unwrap(),
            since: now(),
        })
        .collect();
    next(ca, None, &revoked, now(), now() + CRL_LIFETIME)
        .unwrap()
        .pem
}

fn client(ca: &Authority) -> Issued {
    pki::issue(
        ca,
        &LeafParams::new("client", now() + pki::LEAF_LIFETIME),
        now(),
    )
    .unwrap()
}

/// What nginx says to clients, by HTTP status.
#[track_caller]
fn nginx_says(bundle: &str, lists: &str, clients: &[(&Issued, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let gateway = nginx(&files(folder.path(), bundle, Some(lists))).unwrap();
    for version in VERSIONS {
        for (client, expected) in clients {
            let said = call(folder.path(), &gateway, client, version);
            assert_eq!(said.stdout, *expected, "{}", said.all());
        }
    }
}

#[test]
fn nginx_refuses_the_revoked_under_a_root() {
    let ca = root(KeyType::default(), 0);
    let (good, bad) = (client(&ca), client(&ca));
    nginx_says(
        ca.root_pem(),
        &list(&ca, &[&bad]),
        &[(&good, "200"), (&bad, "400")],
    );
}

#[test]
fn nginx_refuses_the_revoked_under_an_intermediate_with_an_offline_root() {
    let above = root(KeyType::default(), 1);
    let ca = CaParams::new("edge", now() + CA_LIFETIME);
    let ca = pki::create_intermediate(&ca, &above, now()).unwrap();
    let (good, bad) = (client(&ca), client(&ca));
    let both = format!("{}{}", list(&ca, &[&bad]), list(&above, &[]));
    nginx_says(ca.root_pem(), &both, &[(&good, "200"), (&bad, "400")]);
    // Without the root's list everybody is locked out.
    nginx_says(ca.root_pem(), &list(&ca, &[]), &[(&good, "400")]);
}

#[test]
fn nginx_refuses_the_revoked_in_the_middle_of_a_rotation() {
    let old = root(KeyType::default(), 0);
    let new = old.successor(None, now()).unwrap();
    let (good, bad, fresh) = (client(&old), client(&old), client(&new));
    let bundle = format!("{}{}", old.root_pem(), new.root_pem());
    let lists = format!("{}{}", list(&old, &[&bad]), list(&new, &[]));
    let expected = [(&good, "200"), (&bad, "400"), (&fresh, "200")];
    nginx_says(&bundle, &lists, &expected);
}

#[test]
fn every_kind_of_key_is_let_in_by_nginx() {
    for (name, key_type, _) in pki::KEY_TYPES {
        let ca = root(*key_type, 0);
        let folder = tempfile::tempdir().unwrap();
        let gateway = nginx(&files(folder.path(), ca.root_pem(), None)).unwrap();
        let good = issue_case(&ca, Case::Good, "client", now()).unwrap();
        let said = call(folder.path(), &gateway, &good, &[]);
        assert_eq!(said.stdout, "200", "{name}: {}", said.all());
    }
}
