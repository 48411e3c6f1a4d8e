//! Client certificates with their keys, from a CA in files.

use std::path::Path;

use anyhow::{Context as _, ensure};
use tests::cluster::run as end;

use crate::bench::{Bench, own};
use crate::command::{Done, Job, Measured, side_by_side};
use crate::figure::{Goal, Sample};
use crate::table::{Group, Table};

use super::{CLI, Chapter, ROUNDS};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "issue",
    title: "Certificates",
    how: "Client certificates with keys on P-256, into files, from the same CA. openssl and step make one at a time, so that a\n\
          loop of a shell calls them. In every round openssl verifies each certificate for clients.",
    own: CLI,
    run,
};

const OPENSSL: &str = "openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout $i.key -out $i.crt -subj /CN=load-$i -days 90 -CA \"$ca.crt\" -CAkey \"$ca.key\" \
    -addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE";
const STEP: &str = "\"$program\" certificate create load-$i $i.crt $i.key --profile leaf \
    --ca \"$ca.crt\" --ca-key \"$ca.key\" --no-password --insecure --kty EC --curve P-256 \
    --not-after 2160h";

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let ca = folder.path().join("ca");
    authority(&ca)?;
    let (many, rounds) = (bench.size(1_000, 10), bench.size(ROUNDS, 1));
    certificates(bench, table, &ca, (1, rounds))?;
    // A round of step takes a quarter of a minute.
    certificates(bench, table, &ca, (many, rounds.min(3)))
}

fn certificates(
    bench: &mut Bench,
    table: &mut Table,
    ca: &Path,
    (count, rounds): (usize, usize),
) -> anyhow::Result<()> {
    bench.openssl()?;
    let step = bench.rival("step")?.program;
    let (plugin, text, ca) = (own(CLI)?, count.to_string(), ca.display().to_string());
    let (cert, key) = (format!("{ca}.crt"), format!("{ca}.key"));
    let issue = [
        "issue",
        "load",
        "--count",
        &text,
        "--ca-cert",
        &cert,
        "--ca-key",
        &key,
        "--out",
        ".",
    ];
    let looped = |command: &str, program: &Path| {
        let program = program.display();
        format!(
            "ca='{ca}' program='{program}'; for i in $(seq {text}); do {command} || exit 1; done"
        )
    };
    let (openssl, step) = (looped(OPENSSL, Path::new("")), looped(STEP, &step));
    let shell = Path::new("sh");
    let right = |done: &Done| verified(done, &cert, count);
    let jobs = [
        Job::new(CLI, &plugin, &issue, right),
        Job::new("openssl", shell, &["-c", &openssl], right),
        Job::new("step", shell, &["-c", &step], right),
    ];
    let measured = side_by_side(rounds, &jobs)?;
    let what = match count {
        1 => "1 certificate".to_owned(),
        _ => format!("{count} certificates"),
    };
    let goal = (count > 1).then_some(Goal::Below(1.0));
    if let [own, openssl, step] = measured.as_slice() {
        let group = |what: String, of: fn(&Measured) -> Sample| {
            Group::new(what, of(own))
                .rival("openssl", of(openssl))
                .rival("step", of(step))
        };
        table.push(group(what.clone(), Measured::time).goal(goal));
        table.push(group(format!("{what}: peak memory"), Measured::peak));
    }
    Ok(())
}

/// A CA that none of the three has made.
fn authority(path: &Path) -> anyhow::Result<()> {
    let ca = tests::manifests::authority()?;
    tests::keys::authority(&path.with_extension("key"), &ca)?;
    tests::keys::secret(&path.with_extension("crt"), ca.chain_pem())
}

/// As many keys and certificates as were asked for, each of which openssl lets in as a client's.
fn verified(done: &Done, ca: &str, count: usize) -> anyhow::Result<()> {
    ensure!(done.code == 0, "it should exit with 0");
    let entries = std::fs::read_dir(done.folder.path()).context("reading what was made")?;
    let paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let of = |kind: &'static str| {
        let is = move |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == kind);
        paths.iter().filter(is)
    };
    let keys = of("key").count();
    ensure!(keys == count, "{keys} keys, not {count}");
    let mut verify = std::process::Command::new("openssl");
    verify.args(["verify", "-purpose", "sslclient", "-CAfile", ca]);
    let output = end(verify.args(of("crt")), "")?;
    let good = output.stdout.lines().filter(|line| line.ends_with(": OK"));
    let good = good.count();
    ensure!(
        output.success && good == count,
        "{good} verify: {:.300}",
        output.stderr
    );
    Ok(())
}
