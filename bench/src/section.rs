//! What is measured, in this order: one chapter is one file and one row.

mod audit;
mod claims;
mod gatekeeper;
mod idle;
mod index;
mod issue;
mod lint;
mod list;
mod plugin;
mod secrets;
mod throughput;
mod weakened;

use crate::bench::Bench;
use crate::table::Table;

/// Where Ingresses are created.
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses";
/// Odd, so that there is a median.
const ROUNDS: usize = 5;

/// One chapter of the document.
pub(crate) struct Chapter {
    /// What is typed to measure it alone.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What is done, as far as the table does not say it.
    pub(crate) how: &'static str,
    /// Which program of this project is measured.
    pub(crate) own: &'static str,
    pub(crate) run: fn(&mut Bench, &mut Table) -> anyhow::Result<()>,
}

/// From `idle` on all share one control plane and one webhook, whose index only grows: the rest
/// comes before.
pub(crate) static CHAPTERS: [Chapter; 12] = [
    plugin::CHAPTER,
    lint::CHAPTER,
    list::CHAPTER,
    issue::CHAPTER,
    gatekeeper::CHAPTER,
    audit::CHAPTER,
    idle::CHAPTER,
    index::CHAPTER,
    claims::CHAPTER,
    weakened::CHAPTER,
    throughput::CHAPTER,
    secrets::CHAPTER,
];

pub(crate) const CLI: &str = "kubectl-mtls";
const WEBHOOK: &str = "mtls-webhook";

#[cfg(test)]
mod test {
    use super::CHAPTERS;

    #[test]
    fn each_file_is_a_chapter_and_has_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/section");
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let files = entries.map(|entry| entry.path());
        let files = files.filter(|path| path.is_file());
        let stem = |path: &std::path::PathBuf| path.file_stem().unwrap().display().to_string();
        let mut files: Vec<_> = files.map(|path| stem(&path)).collect();
        files.sort();
        let mut names: Vec<_> = CHAPTERS.iter().map(|chapter| chapter.name).collect();
        names.sort_unstable();
        assert_eq!(names, files);
    }
}
