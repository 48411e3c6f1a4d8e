//! The tutorial and the guides, run as a reader would: the `sh` blocks of each in one shell, and
//! what each prints compared with the `text` block after it. The comment that opens a page says
//! what it needs: `namespace`, `gateway` (a real Traefik), `controllers`, `webhook`.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::controllers;
use tests::traefik::{Traefik, backend, binary, service};
use tests::webhook::Webhook;

use crate::{applied, cluster, namespace, with_default, without_default};

/// A block, and the lines that it has to print.
struct Block {
    script: String,
    expected: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for part in text.split("\n```").skip(1).step_by(2) {
        let (kind, body) = part.split_once('\n').unwrap_or((part, ""));
        match kind {
            "sh" => blocks.push(Block {
                script: body.to_owned(),
                expected: Vec::new(),
            }),
            "text" => {
                let last = blocks.last_mut().expect("a text block follows a sh block");
                last.expected = body.lines().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    blocks
}

/// The value of `key: value;` in the comment that opens a guide.
fn needs<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let comment = text.strip_prefix("<!-- ")?.split(" -->").next()?;
    comment
        .split("; ")
        .find_map(|part| part.strip_prefix(key)?.strip_prefix(": "))
}

/// The gateway that a page needs.
fn gateway(kind: &str, ns: &str) -> Traefik {
    let told = match kind {
        "traefik" => Vec::new(),
        "traefik in the place of ingress-nginx" => vec![
            "--providers.kubernetesingressnginx=true".to_owned(),
            format!("--providers.kubernetesingressnginx.watchnamespace={ns}"),
        ],
        other => panic!("{other} is no gateway"),
    };
    Traefik::start_with(cluster(), ns, &told).unwrap()
}

fn run_guide(name: &str) {
    run_page(&format!("guides/{name}"));
}

fn run_page(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{name}.md"));
    let text = fs::read_to_string(path).unwrap();
    let ns = needs(&text, "namespace").unwrap();
    namespace(ns);
    let _controller = needs(&text, "controllers").map(|name| match name {
        "cert-manager" => controllers::cert_manager(cluster()).unwrap(),
        "sealed-secrets" => controllers::sealed_secrets(cluster()).unwrap(),
        other => panic!("{other} is no controller"),
    });
    applied(&service(ns, "whoami", backend().unwrap()));
    let traefik = needs(&text, "gateway").map(|kind| gateway(kind, ns));
    let [gateway, plain] = traefik
        .as_ref()
        .map_or([0, 0], |traefik| [traefik.websecure, traefik.web]);
    let _webhook = needs(&text, "webhook").map(|_| Webhook::start(cluster(), ns, &[]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks(&text);
    assert!(!blocks.is_empty());
    let mut script = String::from("set -eo pipefail\n");
    for (index, block) in blocks.iter().enumerate() {
        script.push_str(&format!(
            "{{\n{}\n}} > \"$OUT/{index}\" 2>&1\n",
            block.script
        ));
    }
    let out = tempfile::tempdir().unwrap();
    let programs = &cluster().programs.control_plane;
    let own = binary("kubectl-mtls").unwrap();
    let path = format!(
        "{}:{}:{}",
        programs.display(),
        own.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut bash = Command::new("bash");
    bash.arg("-c")
        .arg(script)
        .current_dir(folder.path())
        .env("PATH", path)
        .env("OUT", out.path())
        .env("KUBECONFIG", &cluster().kubeconfig)
        .env("GATEWAY", format!("127.0.0.1:{gateway}"))
        .env("PLAIN", format!("127.0.0.1:{plain}"));
    let ended = tests::cluster::run(&mut bash, "").unwrap();
    let last = fs::read_dir(out.path()).unwrap().count().saturating_sub(1);
    let printed = fs::read_to_string(out.path().join(last.to_string())).unwrap_or_default();
    assert!(
        ended.success,
        "{name}, block {last}: {printed}{}",
        ended.stderr
    );
    for (index, block) in blocks.iter().enumerate() {
        let printed = fs::read_to_string(out.path().join(index.to_string())).unwrap_or_default();
        let mut rest = printed.as_str();
        for line in &block.expected {
            let Some((_, after)) = rest.split_once(line) else {
                panic!("{name}: {line:?} in\n{printed}\nof\n{}", block.script);
            };
            rest = after;
        }
    }
}

#[test]
fn k3s_traefik_gitops() {
    let _quiet = without_default();
    run_guide("k3s-traefik-gitops");
}

#[test]
fn ingress_nginx() {
    let _quiet = without_default();
    run_guide("ingress-nginx");
}

#[test]
fn cluster_signed() {
    run_guide("cluster-signed");
}

#[test]
fn traefik_browsers() {
    // It makes a TLSOption `default`.
    let _alone = with_default();
    run_guide("traefik-browsers");
    let option = ["delete", "tlsoptions.traefik.io", "default", "-n", "home"];
    cluster().kubectl(&option).unwrap();
}

#[test]
fn apisix_cert_manager() {
    run_guide("apisix-cert-manager");
}

#[test]
fn tutorial() {
    let _quiet = without_default();
    run_page("tutorial");
}

#[test]
fn prove_a_host() {
    let _quiet = without_default();
    run_guide("prove-a-host");
}

#[test]
fn lint_in_ci() {
    run_guide("lint-in-ci");
}

#[test]
fn rotate_a_ca() {
    let _quiet = without_default();
    run_guide("rotate-a-ca");
}

#[test]
fn enforce_a_policy() {
    let _quiet = without_default();
    run_guide("enforce-a-policy");
}

#[test]
fn migrate_from_ingress_nginx() {
    let _quiet = without_default();
    run_guide("migrate-from-ingress-nginx");
}

#[test]
fn every_guide_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides");
    let own = include_str!("guides.rs");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_str().unwrap().to_owned();
        let name = name.trim_end_matches(".md");
        assert!(
            name == "README" || own.contains(&format!("run_guide(\"{name}\")")),
            "{name}"
        );
    }
}
