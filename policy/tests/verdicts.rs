//! The ordered list of verdicts, a row for each sentence of it. A door is written as
//! `entry point, whom it admits, what was not seen`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use policy::{Admits, Because, Door, Gateway, Host, HostKey, ObjectRef, Site, Verdict};

use Admits::{AnyCertificate, Everyone, Nobody, Optional, Redirected, Trusted};

fn host(mentioned: bool, doors: &[(Admits, Option<&str>)]) -> Host {
    let gateway = Arc::new(Gateway {
        dialect: "traefik",
        instance: "traefik".to_owned(),
    });
    let mut host = Host::new(&HostKey {
        gateway,
        host: "a.example".to_owned(),
    });
    host.mentioned = mentioned;
    let object = Arc::new(ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Thing".to_owned(),
        namespace: "n".to_owned(),
        name: "a".to_owned(),
    });
    host.doors = doors
        .iter()
        .map(|(admits, unseen)| Door {
            entry: "websecure".to_owned(),
            plain: false,
            admits: *admits,
            because: Because::Demanded,
            site: Site::new(&object, ""),
            unseen: unseen.map(str::to_owned),
        })
        .collect();
    host
}

/// The sentence, whether anything speaks of certificates, the doors, the verdict.
type Row = (
    &'static str,
    bool,
    &'static [(Admits, Option<&'static str>)],
    Verdict,
);

const SECRET: Option<&str> = Some("Secret n/ca");

const ROWS: &[Row] = &[
    (
        "unknown: a named thing that was not seen could change the answer",
        true,
        &[(Trusted, SECRET)],
        Verdict::Unknown,
    ),
    (
        "unknown goes before weak",
        true,
        &[(Optional, SECRET)],
        Verdict::Unknown,
    ),
    (
        "unknown goes before broken",
        true,
        &[(Nobody, SECRET)],
        Verdict::Unknown,
    ),
    (
        "unknown goes before open where openness hangs on it",
        true,
        &[(Everyone, SECRET), (Trusted, None)],
        Verdict::Unknown,
    ),
    (
        "what was not seen cannot change the answer where another door is open anyway",
        true,
        &[(Trusted, SECRET), (Everyone, None)],
        Verdict::Open,
    ),
    (
        "unknown goes before none: what was not seen might speak of certificates",
        false,
        &[(Everyone, SECRET)],
        Verdict::Unknown,
    ),
    (
        "none: nothing says anything about client certificates",
        false,
        &[(Everyone, None)],
        Verdict::None,
    ),
    (
        "open: a request without any certificate reaches the backend",
        true,
        &[(Everyone, None)],
        Verdict::Open,
    ),
    (
        "open: on some entry point or path is enough",
        true,
        &[(Trusted, None), (Everyone, None)],
        Verdict::Open,
    ),
    (
        "open goes before weak",
        true,
        &[(Optional, None), (Everyone, None)],
        Verdict::Open,
    ),
    (
        "weak: a client with no certificate is let in by the stated mode",
        true,
        &[(Optional, None)],
        Verdict::Weak,
    ),
    (
        "weak: a client with any certificate is let in by the stated mode",
        true,
        &[(AnyCertificate, None)],
        Verdict::Weak,
    ),
    (
        "weak goes before enforced",
        true,
        &[(Trusted, None), (Optional, None)],
        Verdict::Weak,
    ),
    (
        "broken: nobody gets in",
        true,
        &[(Nobody, None)],
        Verdict::Broken,
    ),
    (
        "broken: a redirect leads only to where nobody gets in",
        true,
        &[(Nobody, None), (Redirected, None)],
        Verdict::Broken,
    ),
    (
        "enforced: without an acceptable certificate nobody reaches the backend",
        true,
        &[(Trusted, None)],
        Verdict::Enforced,
    ),
    (
        "enforced: plain HTTP is redirected",
        true,
        &[(Trusted, None), (Redirected, None)],
        Verdict::Enforced,
    ),
    (
        "enforced: one door being broken lets nobody in",
        true,
        &[(Trusted, None), (Nobody, None)],
        Verdict::Enforced,
    ),
];

#[test]
fn the_first_that_fits() {
    for (sentence, mentioned, doors, verdict) in ROWS {
        assert_eq!(host(*mentioned, doors).verdict(), *verdict, "{sentence}");
    }
}
