//! The account of ingress-nginx against what its own tests expect, before anything rests on it.
//! Files and names are those of kubernetes/ingress-nginx, controller-v1.15.1.

mod row;

use std::fs;
use std::process::Command;
use std::sync::Arc;

use tests::cluster::run;
use tests::corpus::Certificates;
use tests::ingress_nginx::{Controller, Made, make};

use crate::nginx::Lab;

use row::Expect::{self, Answer, Client, Dropped, Has, Lacks, Plain, Stranger};
use row::{AUTHTLS, ROWS, Row};

/// An Ingress of the host, for one path, with or without `spec.tls`.
fn ingress(name: &str, path: &str, tls: bool, annotations: &[(&str, &str)]) -> String {
    let annotations: serde_json::Map<_, _> = annotations
        .iter()
        .map(|(name, value)| {
            (
                format!("nginx.ingress.kubernetes.io/{name}"),
                (*value).into(),
            )
        })
        .collect();
    let tls = match tls {
        true => serde_json::json!([{"hosts": [HOST], "secretName": HOST}]),
        false => serde_json::json!([]),
    };
    let backend = serde_json::json!({"service": {"name": name, "port": {"number": 80}}});
    let rules = serde_json::json!([{"host": HOST, "http": {"paths":
        [{"path": path, "pathType": "Prefix", "backend": backend}]}}]);
    let object = serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"ingressClassName": "nginx", "tls": tls, "rules": rules}});
    format!("{object}\n---\n")
}

const HOST: &str = "authtls.foo.com";

fn secret(certificates: &Certificates) -> String {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: authtls, namespace: default}\n\
        data: {tls.crt: '{{leaf}}', tls.key: '{{leaf-key}}', ca.crt: '{{ca}}'}\n---\n";
    certificates.fill(text.to_owned())
}

/// What is asked of a running controller.
struct Asked<'a> {
    lab: &'a Lab,
    controller: Controller,
    config: String,
    /// The last answer.
    answer: String,
}

impl<'a> Asked<'a> {
    fn of(lab: &'a Lab, text: &str, config: Option<&str>) -> Self {
        let controller = Controller::start(text, config, &lab.place).unwrap();
        let config = fs::read_to_string(lab.folder.path().join("nginx.conf")).unwrap();
        Self {
            lab,
            controller,
            config,
            answer: String::new(),
        }
    }

    fn status(&mut self, tls: bool, host: &str, path: &str, more: &[&str]) -> u16 {
        let (scheme, port) = match tls {
            true => ("https", self.controller.https),
            false => ("http", self.controller.http),
        };
        let mut curl = Command::new("curl");
        curl.current_dir(self.lab.folder.path())
            .args(["-ski", "--noproxy", "*", "-w", "\n%{http_code}"])
            .args(["--connect-to", &format!("::127.0.0.1:{port}")])
            .args(more)
            .arg(format!("{scheme}://{host}:{port}{path}"));
        self.answer = run(&mut curl, "").unwrap().stdout;
        let status = self.answer.lines().last().unwrap_or_default();
        status.parse().unwrap_or_default()
    }

    fn holds(&mut self, expect: &Expect) -> bool {
        match expect {
            Has(text) => self.config.contains(text),
            Lacks(text) => !self.config.contains(text),
            Stranger(status) => self.status(true, HOST, "/", &[]) == *status,
            Client(status) => {
                let client = ["--cert", "client.crt", "--key", "client.key"];
                self.status(true, HOST, "/", &client) == *status
            }
            Plain(host, status) => self.status(false, host, "/", &[]) == *status,
            Answer(text) => self.answer.contains(text),
            Dropped => self.controller.made.dropped.len() == 1,
        }
    }
}

fn lab() -> Lab {
    let lab = Lab::start(Arc::new(Certificates::make().unwrap())).unwrap();
    lab.client(&lab.certificates.ca, HOST, "client").unwrap();
    lab
}

#[test]
fn annotations_are_what_upstream_expects() {
    let lab = lab();
    let mut wrong = Vec::new();
    for Row {
        cites,
        annotations,
        expect,
    } in ROWS
    {
        let text = secret(&lab.certificates) + &ingress("authtls", "/", true, annotations);
        let mut asked = Asked::of(&lab, &text, None);
        for (index, one) in expect.iter().enumerate() {
            if !asked.holds(one) {
                wrong.push(format!("{cites}: expectation {index}: {}", asked.answer));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// test/e2e/annotations/forcesslredirect.go: should redirect to https.
#[test]
fn forced_redirects_need_no_certificate() {
    let lab = lab();
    let text = ingress("forced", "/", false, &[("force-ssl-redirect", "true")]);
    let mut asked = Asked::of(&lab, &text, None);
    assert_eq!(asked.status(false, HOST, "/", &[]), 308);
    assert!(asked.answer.contains(&format!("https://{HOST}")));
}

/// test/e2e/settings/no_tls_redirect_locations.go: Check no tls redirect locations config.
#[test]
fn locations_can_be_kept_from_redirects() {
    let lab = lab();
    let text = ingress("check", "/check-no-tls", true, &[]);
    let mut asked = Asked::of(&lab, &text, None);
    assert_eq!(asked.status(false, HOST, "/check-no-tls", &[]), 308);
    let config =
        "gateways: [{dialect: ingress-nginx, config: {no-tls-redirect-locations: /check-no-tls}}]";
    let mut asked = Asked::of(&lab, &text, Some(config));
    assert_eq!(asked.status(false, HOST, "/check-no-tls", &[]), 200);
}

/// test/e2e/settings/ssl_passthrough.go: should pass unknown traffic to default backend and handle
/// known traffic.
#[test]
fn passthrough_is_by_name_and_flag() {
    let lab = lab();
    let annotations = [("ssl-passthrough", "true"), ("auth-tls-secret", AUTHTLS)];
    let text = secret(&lab.certificates) + &ingress("echopass", "/", true, &annotations);
    let config = "gateways: [{dialect: ingress-nginx, args: [--enable-ssl-passthrough]}]";
    let mut asked = Asked::of(&lab, &text, Some(config));
    assert_eq!(asked.status(true, HOST, "/", &[]), 200);
    assert_eq!(asked.status(true, "other.foo.com", "/", &[]), 404);
    let mut asked = Asked::of(&lab, &text, None);
    assert_eq!(asked.status(true, HOST, "/", &[]), 400);
}

/// test/e2e/annotations/alias.go: should return status code 200 for hosts defined in two ingresses,
/// different path with one alias.
#[test]
fn an_alias_is_of_the_whole_host() {
    let lab = lab();
    let text = ingress("app-a", "/app-a", false, &[])
        + &ingress("app-b", "/app-b", false, &[("server-alias", "bar")]);
    let mut asked = Asked::of(&lab, &text, None);
    for host in [HOST, "bar"] {
        assert_eq!(asked.status(false, host, "/app-a", &[]), 200);
    }
}

/// internal/ingress/controller/controller_test.go: TestGetBackendServers.
#[test]
fn canaries_make_no_servers() {
    let canary = [("canary", "true")];
    let hosts = |made: &Made| -> Vec<String> {
        made.servers
            .iter()
            .map(|server| server.host.clone())
            .collect()
    };
    // Third case: a canary alone.
    let alone = make(&ingress("http-svc-canary", "/", false, &canary), None).unwrap();
    assert_eq!(hosts(&alone), ["_"]);
    assert_eq!(alone.servers[0].locations[0].upstream, None);
    // Fourth case: with its primary.
    let text =
        ingress("http-svc", "/", false, &[]) + &ingress("http-svc-canary", "/", false, &canary);
    let both = make(&text, None).unwrap();
    assert_eq!(hosts(&both), ["_", HOST]);
    assert_eq!(both.servers[0].locations[0].upstream, None);
    let upstream = both.servers[1].locations[0].upstream.as_deref();
    assert_eq!(upstream, Some("default-http-svc-80"));
    // First and second case: a default backend without rules, canary or not.
    let object = |name: &str, annotations: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\n\
             metadata: {{name: {name}, namespace: example, annotations: {{{annotations}}}}}\n\
             spec: {{ingressClassName: nginx, defaultBackend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}\n---\n"
        )
    };
    let text = object(
        "http-svc-canary",
        "nginx.ingress.kubernetes.io/canary: 'true'",
    );
    assert_eq!(
        make(&text, None).unwrap().servers[0].locations[0].upstream,
        None
    );
    let made = make(&(text + &object("http-svc", "")), None).unwrap();
    let upstream = made.servers[0].locations[0].upstream.as_deref();
    assert_eq!(
        (hosts(&made).len(), upstream),
        (1, Some("example-http-svc-80"))
    );
}
