//! Many manifests, judged by each program in its own way.

mod judge;
mod schema;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::bench::Bench;
use crate::command::{Measured, side_by_side};
use crate::figure::{Goal, Sample, Unit};
use crate::table::{Group, Table};

use super::{CLI, Chapter, ROUNDS};
use judge::Judges;

pub(super) const CHAPTER: Chapter = Chapter {
    name: "lint",
    title: "Lint of files",
    how: "Ingresses (`cargo xtask manifests N`) and the 100 Secrets that they name, in one file, the same for all. Each program\n\
          does its own work: `kubectl-mtls lint --complete` settles every host and judges its CA, kubeconform holds each object\n\
          against the schema of Kubernetes, kube-score looks for the Service of each Ingress, conftest asks a policy in Rego\n\
          whether each Ingress names a CA. Before that each has to find the one Ingress that is wrong among good ones, but for\n\
          kube-score, which has to miss the Service of every one.",
    own: CLI,
    run,
};

/// The goal is of the last.
const STEPS: [usize; 3] = [100, 1_000, 10_000];

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let judges = Judges::new(bench, folder.path())?;
    let steps = match bench.quick {
        true => [10, 20, 40],
        false => STEPS,
    };
    let rounds = bench.size(ROUNDS, 1);
    let secrets = secrets()?;
    let wrong = written(
        &folder.path().join("wrong.yaml"),
        10,
        &[&secrets, judge::WRONG],
    )?;
    for job in judges.jobs(&wrong, 10, 1) {
        job.run()?;
    }
    let mut own = Vec::new();
    for (step, count) in steps.into_iter().enumerate() {
        let file = folder.path().join(format!("{count}.yaml"));
        let file = written(&file, count, &[&secrets])?;
        let measured = side_by_side(rounds, &judges.jobs(&file, count, 0))?;
        let goal = (step == 2).then_some(Goal::Below(1.0));
        groups(table, count, &measured, goal);
        own.extend(measured.first().map(|own| own.time().median()));
    }
    if let [_, some, many] = own.as_slice() {
        let ratio = Sample::once(Unit::Times, many / some);
        let what = format!("time of {} manifests beside {}", steps[2], steps[1]);
        let linear = steps[2] as f64 / steps[1] as f64;
        // What one object takes must not grow with the number of objects.
        table.push(Group::new(what, ratio).goal(Goal::AtMost(linear * 1.1)));
    }
    Ok(())
}

fn groups(table: &mut Table, count: usize, measured: &[Measured], goal: Option<Goal>) {
    let [own, others @ ..] = measured else {
        return;
    };
    let mut time = Group::new(format!("{count} manifests"), own.time()).goal(goal);
    let mut memory = Group::new(format!("{count} manifests: peak memory"), own.peak());
    for other in others {
        time = time.rival(other.who, other.time());
        memory = memory.rival(other.who, other.peak());
    }
    table.push(time);
    table.push(memory);
}

/// The CA of each team, as the gateway wants it.
fn secrets() -> anyhow::Result<String> {
    let ca = tests::manifests::authority()?;
    Ok(tests::manifests::secrets(ca.chain_pem()))
}

/// A file of so many Ingresses, and more; its path.
fn written(path: &Path, count: usize, more: &[&str]) -> anyhow::Result<String> {
    let mut text: String = (0..count).map(tests::manifests::ingress).collect();
    for one in more {
        text.push_str(one);
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path.display().to_string())
}
