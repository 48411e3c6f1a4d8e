//! The fixtures: manifests with the verdicts and rules that every front must find in them.
//!
//! A fixture begins with `# verdicts: HOST=VERDICT …` and `# rules: RULE …`; a line
//! `# fronts: files, because …` keeps it out of the cluster. A line `# row: ID …` names a row of
//! `rows.tsv` that it shows, and says what happens. A document of kind `Config` is what the gateway
//! is told, and no object. `{{ca}}` and the like stand for certificates that are made anew, so that
//! none expires in the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use pki::{CaParams, LeafParams, create_root};

/// One fixture.
pub struct Fixture {
    /// `gateway/name`.
    pub name: String,
    /// The manifests.
    pub text: String,
    /// What the gateways are told outside the objects.
    pub config: Option<String>,
    /// Ids of the rows that it shows, each with what happens.
    pub rows: Vec<(String, String)>,
    /// `HOST=VERDICT`.
    pub verdicts: BTreeSet<String>,
    /// Rule ids.
    pub rules: BTreeSet<String>,
    /// Whether only files can hold it.
    pub files_only: bool,
}

/// Certificates by placeholder, in base64 as a Secret holds them.
pub struct Certificates {
    /// The client CA, `{{ca}}`.
    pub ca: pki::Authority,
    /// Another CA, `{{other-ca}}`.
    pub other: pki::Authority,
    words: Vec<(&'static str, String)>,
}

impl Certificates {
    /// Makes them all.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make() -> anyhow::Result<Self> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock")?;
        let now = i64::try_from(now.as_secs())?;
        let ca = |now| create_root(&CaParams::new("partners", now + pki::CA_LIFETIME), now);
        let expired = ca(now - 2 * pki::CA_LIFETIME)?;
        let ca = ca(now)?;
        let other = create_root(&CaParams::new("others", now + pki::CA_LIFETIME), now)?;
        let leaf = LeafParams::new("leaf", now + pki::LEAF_LIFETIME);
        let leaf = pki::issue(&ca, &leaf, now)?;
        let leaf_key = pki::export::key_pem(&leaf.key);
        let leaf = leaf.signed;
        let ended = pki::crl::next(&ca, None, &[], now - 9 * pki::DAY, now - pki::DAY)?;
        let with_key = format!("{}{}", ca.chain_pem(), &*ca.key_pem());
        let words = vec![
            ("{{ca}}", base64(ca.chain_pem())),
            ("{{ended-crl}}", base64(&ended.pem)),
            ("{{ca-and-key}}", base64(&with_key)),
            ("{{expired-ca}}", base64(expired.chain_pem())),
            ("{{key}}", base64(&ca.key_pem())),
            ("{{other-ca}}", base64(other.chain_pem())),
            ("{{leaf-key}}", base64(&leaf_key)),
            ("{{leaf}}", base64(&leaf.certificate_pem)),
        ];
        Ok(Self { ca, other, words })
    }

    /// A text with the certificates in their places.
    pub fn fill(&self, text: String) -> String {
        self.words
            .iter()
            .fold(text, |text, (name, value)| text.replace(name, value))
    }
}

/// Every fixture, in order.
///
/// # Errors
/// When one cannot be read, or does not say what is expected of it.
pub fn fixtures(certificates: &Certificates) -> anyhow::Result<Vec<Fixture>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths = Vec::new();
    for gateway in read_dir(&root)?.iter().filter(|path| path.is_dir()) {
        paths.extend(read_dir(gateway)?);
    }
    paths.sort();
    paths
        .iter()
        .map(|path| fixture(&root, path, certificates))
        .collect()
}

fn read_dir(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("reading {}", folder.display());
    let entries = fs::read_dir(folder).with_context(context)?;
    entries
        .map(|entry| Ok(entry.with_context(context)?.path()))
        .collect()
}

fn fixture(root: &Path, path: &Path, certificates: &Certificates) -> anyhow::Result<Fixture> {
    let name = path
        .strip_prefix(root)
        .unwrap_or(path)
        .with_extension("")
        .display()
        .to_string();
    let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let header = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let words = |key: &str| -> anyhow::Result<BTreeSet<String>> {
        let line = header(key).with_context(|| format!("{name} has no line {key}"))?;
        Ok(line.split_whitespace().map(str::to_owned).collect())
    };
    let (verdicts, rules) = (words("# verdicts:")?, words("# rules:")?);
    ensure!(!verdicts.is_empty(), "{name} expects no verdict");
    let files_only = header("# fronts: files, because").is_some();
    let rows = text.lines().filter_map(|line| line.strip_prefix("# row: "));
    let rows = rows.filter_map(|line| line.split_once(' '));
    let (configs, objects): (Vec<_>, Vec<_>) = text
        .split("---\n")
        .partition(|document| document.contains("kind: Config\n"));
    Ok(Fixture {
        text: certificates.fill(objects.join("---\n")),
        config: configs.first().map(|config| (*config).to_owned()),
        rows: rows
            .map(|(id, what)| (id.to_owned(), what.to_owned()))
            .collect(),
        name,
        verdicts,
        rules,
        files_only,
    })
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
