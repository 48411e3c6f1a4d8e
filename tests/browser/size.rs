//! Nothing at all, and very much.

use std::process::Command;
use std::time::Instant;

use tests::traefik::binary;

use crate::faults;
use crate::page::{Page, WIDE};
use crate::picture_faults;
use crate::reports::Reports;

#[test]
fn no_host_is_a_page_too() {
    let reports = Reports::new();
    reports.add(
        "map",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    let path = reports.page(&[]);
    let mut page = Page::new().unwrap();
    for (name, view) in [("empty", WIDE), ("empty-narrow", WIDE.narrow().dark())] {
        let look = page.open(&path, view).unwrap();
        assert_eq!(faults(&page, &look), Vec::<String>::new());
        assert!(look.rows.is_empty() && look.text.contains("There is no host here."));
        assert!(look.text.contains("Nothing was found."), "{}", look.text);
        let picture = page.screenshot(&format!("report-{name}")).unwrap();
        assert_eq!(picture_faults(&picture, view), [""; 0]);
    }
}

#[test]
fn ten_thousand_hosts_are_a_page_too() {
    let reports = Reports::new();
    let made = Command::new(binary("xtask").unwrap())
        .args(["manifests", "10000"])
        .output()
        .unwrap();
    reports.add("many", &String::from_utf8(made.stdout).unwrap());
    let begin = Instant::now();
    let path = reports.page(&[]);
    let wrote = begin.elapsed();
    let size = std::fs::metadata(&path).unwrap().len();
    let mut page = Page::new().unwrap();
    let begin = Instant::now();
    let look = page.open(&path, WIDE.narrow()).unwrap();
    tests::say(&format!(
        "10 000 routes: written in {wrote:?}, {} KiB, looked at in {:?}, {} pixels high",
        size / 1024,
        begin.elapsed(),
        look.height
    ));
    assert_eq!(faults(&page, &look), Vec::<String>::new());
    assert!(look.rows.len() >= 10_000, "{} hosts", look.rows.len());
    assert!(size < 16 << 20, "{size} bytes");
}
