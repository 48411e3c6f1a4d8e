//! Pages that have the faults which the checks look for, and names that would like to be markup.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::page::{Page, WIDE};
use crate::reports::Reports;
use crate::{faults, picture_faults};

/// A server on loopback that nobody should ask.
struct Bait {
    taken: Arc<AtomicBool>,
    url: String,
}

impl Bait {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/bait", listener.local_addr().unwrap());
        let taken = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&taken);
        // Whoever comes is sent away at once; the thread ends with the tests.
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                told.store(true, Ordering::SeqCst);
            }
        });
        Self { taken, url }
    }

    /// Whether somebody has come; a connection may still be on its way.
    fn taken(&self) -> bool {
        std::thread::sleep(Duration::from_millis(300));
        self.taken.load(Ordering::SeqCst)
    }

    fn image(&self) -> String {
        format!("<img src=\"{}\">", self.url)
    }
}

/// A file with a page.
fn file(reports: &Reports, name: &str, html: &str) -> PathBuf {
    let path = reports.path(name);
    std::fs::write(&path, html).unwrap();
    path
}

#[test]
fn each_check_can_fail() {
    let reports = Reports::new();
    let mut page = Page::new().unwrap();
    let mut seen = |body: &str, view| {
        let html = format!("<!DOCTYPE html><meta charset=utf-8><title>a</title><body>{body}");
        let path = file(&reports, "bait.html", &html);
        let look = page.open(&path, view).unwrap();
        let picture = page.screenshot("bait").unwrap();
        let mut all = faults(&page, &look);
        all.extend(
            picture_faults(&picture, view)
                .into_iter()
                .map(str::to_owned),
        );
        all.join("; ")
    };
    let text = "<p style='background:#fff;color:#000'>".to_owned() + &"words ".repeat(400);
    assert_eq!(seen(&text, WIDE), "");
    for (body, view, fault) in [
        ("", WIDE, "blank"),
        (&*text, WIDE.dark(), "ground"),
        (
            "<p style='width:500px'>words",
            WIDE.narrow(),
            "scrolls sideways: 508 of 400",
        ),
        (
            "<p style='margin-left:-50px'>words",
            WIDE,
            "outside: 1 times, words",
        ),
        (
            "<style>td::before{content:'CA: '}</style><table><tr><td><b></b>",
            WIDE,
            "bare label: 1 times, \"CA: \"",
        ),
        (
            "<p style='color:#aaa'>words",
            WIDE,
            "faint: 1 times, words 2.3",
        ),
        (
            "<meta http-equiv=Content-Security-Policy content=\"style-src 'none'\"><p style='color:red'>a",
            WIDE,
            "complaint: ",
        ),
    ] {
        let seen = seen(body, view);
        assert!(seen.contains(fault), "{fault}: {seen}");
    }
}

#[test]
fn the_network_is_never_asked() {
    let (bait, reports) = (Bait::new(), Reports::new());
    let image = bait.image();
    reports.add("route", &hostile(&image));
    let mut page = Page::new().unwrap();
    let path = reports.page(&["--title", &image]);
    let look = page.open(&path, WIDE).unwrap();
    assert_eq!(faults(&page, &look), Vec::<String>::new());
    assert!(look.text.matches(&bait.url).count() >= 3, "{}", look.text);
    assert!(!bait.taken(), "a name became an image");

    // Even if a name did become markup, the page's policy keeps the browser from asking.
    let html = std::fs::read_to_string(&path).unwrap();
    let broken = html.replacen("<main>", &format!("<main>{image}"), 1);
    page.open(&file(&reports, "broken.html", &broken), WIDE)
        .unwrap();
    assert!(!page.complaints.is_empty() && !bait.taken());

    // Without the policy it asks, and both witnesses see it.
    let bare = broken.replacen("Content-Security-Policy", "nothing", 1);
    page.open(&file(&reports, "bare.html", &bare), WIDE)
        .unwrap();
    assert_eq!(page.requests, std::slice::from_ref(&bait.url));
    assert!(bait.taken());
}

/// An object with markup wherever its author may write what they like.
fn hostile(markup: &str) -> String {
    let text = serde_json::json!(markup);
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {text}
  namespace: shop
  annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {text}}}
spec:
  ingressClassName: nginx
  rules: [{{host: {text}, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
"
    )
}
