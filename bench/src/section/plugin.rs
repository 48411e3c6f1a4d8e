//! What the plugin costs before it does anything.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::bench::{Bench, own};
use crate::command::{Done, Job, Measured, side_by_side};
use crate::figure::{Goal, Sample, Unit};
use crate::table::{Group, Table};

use super::{CLI, Chapter};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "plugin",
    title: "The plugin",
    how: "Start-up is `kubectl-mtls version`, from its start to its end, beside `kubectl version --client`,\n\
          `step version` and `true`, which does nothing: less time or memory cannot be told. Memory is the most that was\n\
          resident.",
    own: CLI,
    run,
};

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let (kubectl, step) = (bench.rival("kubectl")?, bench.rival("step")?);
    let plugin = own(CLI)?;
    let version = format!("kubectl-mtls v{}", env!("CARGO_PKG_VERSION"));
    let jobs = [
        Job::new(CLI, &plugin, &["version"], |done| says(done, &version)),
        Job::new(
            "kubectl",
            &kubectl.program,
            &["version", "--client"],
            |done| says(done, &kubectl.version),
        ),
        Job::new("step", &step.program, &["version"], |done| {
            says(done, "Smallstep")
        }),
        Job::new("true", Path::new("true"), &[], |done| says(done, "")),
    ];
    let measured = side_by_side(bench.size(21, 3), &jobs)?;
    if let [own, kubectl, step, nothing] = measured.as_slice() {
        let group = |what, of: fn(&Measured) -> Sample| {
            Group::new(what, of(own))
                .rival("kubectl", of(kubectl))
                .rival("step", of(step))
                .floor("true", of(nothing))
        };
        table.push(group("start-up", Measured::time).goal(Goal::Below(0.01)));
        table.push(group("start-up: peak memory", Measured::peak));
    }
    table.push(
        Group::new("size of the program", size(&plugin)?)
            .goal(Goal::AtMost(15.0))
            .rival("kubectl", size(&kubectl.program)?)
            .rival("step", size(&step.program)?),
    );
    Ok(())
}

fn says(done: &Done, version: &str) -> anyhow::Result<()> {
    ensure!(
        done.code == 0 && done.stdout.contains(version),
        "no {version:?}"
    );
    Ok(())
}

fn size(program: &Path) -> anyhow::Result<Sample> {
    let file = std::fs::metadata(program).with_context(|| program.display().to_string())?;
    Ok(Sample::once(
        Unit::Mebibytes,
        file.len() as f64 / 1_048_576.0,
    ))
}
