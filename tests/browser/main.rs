//! The report in a real browser: what people see of it, on a desk and on a telephone, by day and by
//! night, on paper, and what the browser asks the network for. Every check is made on a page of its
//! own too that has the fault.
#![allow(clippy::unwrap_used)]

mod bait;
mod chromium;
mod page;
mod picture;
mod reports;
mod size;

use std::collections::BTreeSet;
use std::path::Path;

use page::{Look, Page, View, WIDE};
use picture::Picture;
use reports::{Reports, corpus, of_fixture, sorted};

/// Whatever is wrong with how a page looks.
fn faults(page: &Page, look: &Look) -> Vec<String> {
    let listed = |what: &str, texts: &[String]| match texts {
        [] => None,
        [first, ..] => Some(format!("{what}: {} times, {first}", texts.len())),
    };
    let wide = look.scroll > look.width;
    let wide = wide.then(|| format!("scrolls sideways: {} of {}", look.scroll, look.width));
    let found = [
        wide,
        listed("bare label", &look.bare),
        listed("outside", &look.outside),
        listed("faint", &look.faint),
        listed("asked for", &page.requests),
        listed("complaint", &page.complaints),
    ];
    found.into_iter().flatten().collect()
}

/// Whatever is wrong with its screenshot.
fn picture_faults(picture: &Picture, view: View) -> Vec<&'static str> {
    let found = [
        (picture.width != view.width, "size"),
        (picture.is_blank(), "blank"),
        (picture.is_dark() != view.dark, "ground"),
    ];
    let found = found.into_iter().filter(|(wrong, _)| *wrong);
    found.map(|(_, what)| what).collect()
}

fn views() -> [(&'static str, View); 4] {
    [
        ("wide-light", WIDE),
        ("wide-dark", WIDE.dark()),
        ("narrow-light", WIDE.narrow()),
        ("narrow-dark", WIDE.narrow().dark()),
    ]
}

#[test]
fn the_corpus_is_readable_wherever_one_looks() {
    let reports = Reports::of_the_corpus();
    let (path, hosts) = (reports.page(&[]), reports.hosts());
    assert!(hosts.len() > 50, "{hosts:?}");
    let mut page = Page::new().unwrap();
    for (name, view) in views() {
        let look = page.open(&path, view).unwrap();
        assert_eq!(faults(&page, &look), Vec::<String>::new(), "{name}");
        let picture = page.screenshot(&format!("report-{name}")).unwrap();
        assert_eq!(picture_faults(&picture, view), [""; 0], "{name}");
        assert!(picture.coloured() > 100, "{name} has no colours");
        page.evaluate(&every_part("true")).unwrap();
        let look = page.look().unwrap();
        assert_eq!(faults(&page, &look), Vec::<String>::new(), "{name}");
        assert_eq!(
            (look.hidden, sorted(look.rows)),
            (0, hosts.clone()),
            "{name}"
        );
        for part in ["cas", "findings", "limits"] {
            page.evaluate(&format!(
                "document.getElementById('{part}').scrollIntoView()"
            ))
            .unwrap();
            let picture = page.screenshot(&format!("report-{name}-{part}")).unwrap();
            assert_eq!(picture_faults(&picture, view), [""; 0], "{name} {part}");
        }
        for host in &hosts {
            let host = host.split('=').next().unwrap();
            assert!(look.text.contains(host), "{name}: {host}");
        }
    }
}

/// Opens or shuts all that can be.
fn every_part(open: &str) -> String {
    format!("for (const part of document.querySelectorAll('details')) part.open = {open};")
}

#[test]
fn every_fixture_has_the_verdicts_that_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut page = Page::new().unwrap();
    let mut verdicts = BTreeSet::new();
    for fixture in corpus() {
        let path = of_fixture(&fixture, folder.path());
        let look = page.open(&path, WIDE.narrow()).unwrap();
        assert_eq!(
            faults(&page, &look),
            Vec::<String>::new(),
            "{}",
            fixture.name
        );
        let rows: BTreeSet<_> = look.rows.into_iter().collect();
        assert_eq!(rows, fixture.verdicts, "{}", fixture.name);
        let words = rows.iter().filter_map(|row| row.split_once('='));
        for (host, verdict) in words {
            let shown = look.text.contains(host) && look.text.contains(verdict);
            assert!(shown, "{}: {host} {verdict}: {}", fixture.name, look.text);
            verdicts.insert(verdict.to_owned());
        }
    }
    assert_eq!(verdicts.len(), 6, "{verdicts:?}");
}

#[test]
fn a_printer_gets_everything() {
    let reports = Reports::of_the_corpus();
    let path = reports.page(&[]);
    let mut page = Page::new().unwrap();
    page.open(&path, WIDE.dark()).unwrap();
    page.evaluate(&every_part("false")).unwrap();
    let look = page.look().unwrap();
    assert!(look.hidden == look.rows.len() && look.hidden > 50);
    page.view(WIDE.dark().print()).unwrap();
    let look = page.look().unwrap();
    assert_eq!(look.hidden, 0, "hosts that are not printed");
    assert_eq!(faults(&page, &look), Vec::<String>::new());
    let picture = page.screenshot("report-print").unwrap();
    assert_eq!(picture_faults(&picture, WIDE), [""; 0], "ink on paper");
    let pdf = page.pdf().unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 50_000);
    std::fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.pdf"),
        pdf,
    )
    .unwrap();
}

#[test]
fn a_tile_leads_to_its_hosts_even_where_they_are_shut() {
    let reports = Reports::of_the_corpus();
    let path = reports.page(&[]);
    let mut page = Page::new().unwrap();
    page.open(&path, WIDE).unwrap();
    page.evaluate(&every_part("false")).unwrap();
    page.evaluate("document.querySelector('a.tile[href=\"#weak\"]').click()")
        .unwrap();
    let row = "(() => { const row = document.querySelector('details.weak tbody tr');
        const box = row.getBoundingClientRect();
        return row.checkVisibility() && box.top >= 0 && box.top < innerHeight })()";
    tests::wait_until("the hosts", std::time::Duration::from_secs(10), || {
        anyhow::ensure!(page.evaluate(row)? == true, "they are not shown");
        Ok(())
    })
    .unwrap();
}
