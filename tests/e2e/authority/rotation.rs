//! A CA gives way to the next one while clients call.

use std::sync::Mutex;
use std::time::Duration;

use tests::traefik::{Traefik, backend, service};
use tests::wait_until;

use crate::{applied, cluster, mtls, must, namespace};

#[test]
fn a_rotation_shuts_nobody_out() {
    let ns = "rotation";
    namespace(ns);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    must(&["create", "ca", "server", "--out", &path("server")]);
    let (server_ca, server_key) = (path("server/ca.crt"), path("server/ca.key"));
    let host = "rotation.example.com";
    let server = [
        "issue",
        "api",
        "--profile",
        "server",
        "--san",
        host,
        "--ca-cert",
        &server_ca,
        "--ca-key",
        &server_key,
        "-n",
        ns,
        "--to-secret",
        "api-tls",
    ];
    must(&server);
    must(&["create", "ca", "partners", "-n", ns]);
    applied(&service(ns, "backend", backend().unwrap()));
    applied(&format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: api, namespace: {ns}}}
spec:
  entryPoints: [websecure]
  routes: [{{kind: Rule, match: Host(`{host}`), services: [{{name: backend, port: http}}]}}]
  tls: {{secretName: api-tls}}
"
    ));
    must(&[
        "protect",
        "ingressroute/api",
        "-n",
        ns,
        "--trust",
        "partners-trust",
    ]);
    let traefik = Traefik::start(cluster(), ns).unwrap();
    let call = |name: &str| {
        let connect = format!("127.0.0.1:{}", traefik.websecure);
        let (cert, key) = (path(&format!("{name}.crt")), path(&format!("{name}.key")));
        let url = format!("https://{host}/");
        let said = mtls(&[
            "curl",
            &url,
            "--cert",
            &cert,
            "--key",
            &key,
            "--server-ca",
            &server_ca,
            "--connect",
            &connect,
            "--",
            "-sS",
            "-f",
            "--max-time",
            "5",
        ]);
        match said.code == 0 && said.stdout.contains("backend") {
            true => Ok(()),
            false => Err(anyhow::anyhow!("{name}: {}", said.all())),
        }
    };
    let until = |name: &str, good: bool| {
        let what = format!("{name} to be {}", if good { "let in" } else { "refused" });
        wait_until(&what, Duration::from_secs(30), || {
            match (call(name), good) {
                (Ok(()), true) | (Err(_), false) => Ok(()),
                (Err(error), true) => Err(error),
                (Ok(()), false) => Err(anyhow::anyhow!("{name} is let in")),
            }
        })
        .unwrap();
    };
    let issue = |name: &str| {
        must(&[
            "issue",
            name,
            "--ca",
            "rotation/partners",
            "--out",
            &path(""),
        ])
    };
    let rotate = |step: &str| must(&["rotate", "ca", "partners", "-n", ns, "--step", step]);
    issue("old");
    until("old", true);
    // Who must be let in, again and again, while the CA changes.
    let wanted = Mutex::new(vec!["old"]);
    let failures = Mutex::new(Vec::new());
    let calls = Mutex::new(0);
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| {
            loop {
                let names = wanted.lock().unwrap().clone();
                if names.is_empty() {
                    return;
                }
                for name in names {
                    *calls.lock().unwrap() += 1;
                    let failed = call(name).err().map(|error| error.to_string());
                    // One that is no longer wanted may have been refused.
                    let still = wanted.lock().unwrap().contains(&name);
                    failures.lock().unwrap().extend(failed.filter(|_| still));
                }
            }
        });
        rotate("add");
        rotate("add");
        rotate("promote");
        rotate("promote");
        issue("new");
        until("new", true);
        wanted.lock().unwrap().push("new");
        let refused = mtls(&["rotate", "ca", "partners", "-n", ns, "--step", "prune"]);
        assert!(
            refused.code == 3 && refused.stderr.contains("CN=old"),
            "{}",
            refused.stderr
        );
        let seen = *calls.lock().unwrap();
        wait_until("more calls", Duration::from_secs(30), || {
            anyhow::ensure!(*calls.lock().unwrap() > seen + 10);
            Ok(())
        })
        .unwrap();
        wanted.lock().unwrap().retain(|name| *name == "new");
        must(&[
            "rotate", "ca", "partners", "-n", ns, "--step", "prune", "--force",
        ]);
        until("old", false);
        wanted.lock().unwrap().clear();
        looping.join().unwrap();
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    tests::say(&format!(
        "rotation: {} calls, none refused",
        calls.into_inner().unwrap()
    ));
    until("new", true);
}

#[test]
fn an_immutable_trust_is_not_rotated() {
    let ns = "immutable";
    namespace(ns);
    must(&[
        "create",
        "ca",
        "partners",
        "-n",
        ns,
        "--immutable",
        "--trust-kind",
        "configmap",
    ]);
    let said = mtls(&["rotate", "ca", "partners", "-n", ns, "--step", "add"]);
    assert!(
        said.code == 3 && said.stderr.contains("immutable"),
        "{}",
        said.stderr
    );
}
