//! What ships in `rbac.yaml` is what the webhook needs, and no more: every verb on every resource is
//! taken away from a webhook that starts, and something that can be seen is missed. In a cluster of
//! its own, because the roles and the audit are of the whole cluster.

mod permission;
mod shown;
mod stage;
mod steps;

use std::collections::BTreeSet;

use permission::{Roles, listed};
use stage::Stage;
use steps::STEPS;

#[test]
fn each_permission_is_missed_when_it_is_taken_away() {
    let roles = Roles::shipped();
    let all = roles.permissions();
    let stage = Stage::set(&roles);
    stage.all_is_well();
    let mut shown = BTreeSet::new();
    for step in STEPS {
        let taken: BTreeSet<_> = all
            .iter()
            .filter(|one| (step.takes)(one))
            .cloned()
            .collect();
        tests::say(&format!("{}: without {}", step.name, listed(&taken)));
        assert!(!taken.is_empty(), "{} takes nothing", step.name);
        stage.take(&BTreeSet::new());
        (step.before)(&stage);
        stage.take(&taken);
        let webhook = stage.start(step.args);
        (step.shows)(&stage, &webhook, &taken);
        shown.extend(taken);
    }
    let rest: BTreeSet<_> = all.difference(&shown).cloned().collect();
    assert!(rest.is_empty(), "nothing shows a need of {}", listed(&rest));
    // What was taken is all that failed.
    stage.take(&BTreeSet::new());
    stage.all_is_well();
}

#[test]
fn secrets_are_never_listed_and_nothing_is_allowed_by_a_star() {
    let all = Roles::shipped().permissions();
    assert!(all.len() > 80, "{}", all.len());
    for one in &all {
        let words = [&one.group, &one.resource, &one.verb];
        assert!(words.iter().all(|word| !word.contains('*')), "{one}");
        let sensitive = ["secrets", "configmaps"].contains(&one.resource.as_str());
        let verbs: &[&str] = match one.role.as_str() {
            "Role" => &["get", "create", "update"],
            _ => &["get"],
        };
        assert!(!sensitive || verbs.contains(&one.verb.as_str()), "{one}");
    }
}
