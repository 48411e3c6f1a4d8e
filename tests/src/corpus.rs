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
use pki::{CaParams, LeafParams, Profile, create_intermediate, create_root};

use crate::keys;

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

impl Fixture {
    /// Writes what its gateways are told; returns the file for `--config`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn told(&self, folder: &Path) -> anyhow::Result<String> {
        let nothing = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\n";
        let path = folder.join("config.yaml");
        let text = self.config.as_deref().unwrap_or(nothing);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.display().to_string())
    }
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
        let until = |now| now + pki::CA_LIFETIME;
        let ca = create_root(&CaParams::new("partners", until(now)), now)?;
        let other = create_root(&CaParams::new("strangers", until(now)), now)?;
        let mut words = of_ca(&ca, &other, now)?;
        words.extend(other_cas(&ca, &other, now)?);
        // A ConfigMap holds the text itself, here in quotes.
        let text = ca.chain_pem().replace('\n', "\\n");
        let words = words.into_iter().map(|(name, pem)| (name, base64(&pem)));
        let words = words.chain([("{{ca-text}}", text)]).collect();
        Ok(Self { ca, other, words })
    }

    /// A text with the certificates in their places.
    pub fn fill(&self, text: String) -> String {
        self.words
            .iter()
            .fold(text, |text, (name, value)| text.replace(name, value))
    }
}

type Words = Vec<(&'static str, String)>;

/// What belongs to the client CA.
fn of_ca(ca: &pki::Authority, other: &pki::Authority, now: i64) -> anyhow::Result<Words> {
    let leaf = LeafParams::new("leaf", now + pki::LEAF_LIFETIME);
    let server = LeafParams {
        profile: Profile::Both,
        ..LeafParams::new("api.example.com", now + pki::LEAF_LIFETIME)
    };
    let leaf = pki::issue(ca, &leaf, now)?;
    let leaf_key = keys::pem(&leaf);
    let leaf = leaf.signed.certificate_pem;
    let server = pki::issue(ca, &server, now)?.signed.certificate_pem;
    let ended = pki::crl::next(ca, None, &[], now - 9 * pki::DAY, now - pki::DAY)?;
    let crl = pki::crl::next(other, None, &[], now, now + pki::crl::CRL_LIFETIME)?;
    let key = ca.key_pem().to_string();
    Ok(vec![
        ("{{ca}}", ca.chain_pem().to_owned()),
        ("{{ca-and-key}}", format!("{}{key}", ca.chain_pem())),
        ("{{ended-crl}}", ended.pem),
        ("{{key}}", key),
        (
            "{{leaf-and-other-root}}",
            format!("{leaf}{}", other.chain_pem()),
        ),
        ("{{leaf}}", leaf),
        ("{{leaf-key}}", leaf_key),
        ("{{other-crl}}", crl.pem),
        ("{{server}}", server),
    ])
}

/// CAs of other kinds, alone or beside the client CA.
fn other_cas(ca: &pki::Authority, other: &pki::Authority, now: i64) -> anyhow::Result<Words> {
    let params = |name: &str, path_len, until| CaParams {
        path_len,
        ..CaParams::new(name, until)
    };
    let until = now + pki::CA_LIFETIME;
    let past = now - 2 * pki::CA_LIFETIME;
    let expired = create_root(&params("partners", 0, past + pki::CA_LIFETIME), past)?;
    let expiring = create_root(&params("last year", 0, now + 9 * pki::DAY), now)?;
    let root = create_root(&params("root", 2, until), now)?;
    let middle = create_intermediate(&params("middle", 1, until), &root, now)?;
    let lowest = create_intermediate(&params("lowest", 0, until), &middle, now)?;
    let named = create_root(&params(&"long name ".repeat(6), 0, until), now)?;
    let beside = |more: &str| format!("{}{more}", ca.chain_pem());
    let stored = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("../policy/tests/certificates").join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    Ok(vec![
        ("{{ca-and-deep-chain}}", beside(lowest.chain_pem())),
        ("{{ca-and-expiring}}", beside(expiring.chain_pem())),
        ("{{ca-and-rsa-1024}}", beside(&stored("rsa-1024.pem")?)),
        ("{{expired-ca}}", expired.chain_pem().to_owned()),
        (
            "{{intermediate}}",
            format!("{}\n", lowest.certificate_pem()),
        ),
        // More than one TLS record holds of names.
        ("{{many-cas}}", beside(&named.chain_pem().repeat(220))),
        ("{{other-ca}}", other.chain_pem().to_owned()),
        ("{{public-root}}", stored("isrg-root-x2.pem")?),
        ("{{secp256k1}}", stored("secp256k1.pem")?),
    ])
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
