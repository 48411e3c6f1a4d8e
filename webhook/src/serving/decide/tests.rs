#![allow(clippy::unwrap_used)]
use super::super::published::Bundle;
use super::*;

const DAY: i64 = 24 * 3600;
const YEAR: i64 = 365 * DAY;
const NOW: i64 = 1_790_000_000;
const GRACE: i64 = 30;

fn ca(id: u8, begins: i64) -> Ca {
    Ca {
        fingerprint: [id; 32],
        begins,
        ends: begins + YEAR,
        pem: String::new(),
    }
}

fn held(current: Ca) -> Held {
    Held {
        current,
        next: None,
        previous: Vec::new(),
        until: 0,
    }
}

fn published(cas: &[&Ca]) -> Published {
    let bundle = Bundle {
        cas: cas.iter().copied().cloned().collect(),
        junk: false,
    };
    Published::Known(vec![bundle.clone(), bundle])
}

fn none() -> Published {
    Published::Known(Vec::new())
}

fn leaf(issuer: u8, begins: i64) -> Leaf {
    Leaf {
        issuer: [issuer; 32],
        begins,
        ends: begins + DAY,
    }
}

/// What is decided when the caBundles have been as they are for a while, or only now.
fn decide(stored: &Stored, published: &Published, leaf: Option<Leaf>, long: bool) -> Step {
    let mut settling = Settling::default();
    settling.update(published, if long { NOW - GRACE } else { NOW });
    let situation = Situation {
        stored,
        published,
        settling: &settling,
        leaf,
        grace: GRACE,
        now: NOW,
    };
    situation.step()
}

fn settled(stored: &Stored, published: &Published, leaf: Option<Leaf>) -> Step {
    decide(stored, published, leaf, true)
}

#[test]
fn a_cluster_that_has_nothing_gets_a_ca_and_a_leaf() {
    assert_eq!(
        settled(&Stored::Missing, &none(), None),
        Step::Create(vec![])
    );
    let stored = Stored::Held(held(ca(1, NOW)));
    assert_eq!(settled(&stored, &none(), None), Step::Sign);
    assert_eq!(settled(&stored, &none(), Some(leaf(1, NOW))), Step::Rest);
}

#[test]
fn the_configurations_that_come_later_get_the_bundle() {
    let one = ca(1, NOW);
    let stored = Stored::Held(held(one.clone()));
    let wanted = Step::Publish(vec![one.clone()]);
    assert_eq!(
        settled(&stored, &published(&[]), Some(leaf(1, NOW))),
        wanted
    );
    let mut half = published(&[&one]);
    if let Published::Known(bundles) = &mut half {
        bundles[1].cas.clear();
    }
    assert_eq!(settled(&stored, &half, Some(leaf(1, NOW))), wanted);
    assert_eq!(
        settled(&stored, &published(&[&one]), Some(leaf(1, NOW))),
        Step::Rest
    );
}

#[test]
fn what_others_put_into_the_bundle_goes() {
    let (one, foreign) = (ca(1, NOW), ca(9, NOW));
    let stored = Stored::Held(held(one.clone()));
    let there = published(&[&one, &foreign]);
    assert_eq!(
        settled(&stored, &there, Some(leaf(1, NOW))),
        Step::Publish(vec![one.clone()])
    );
    let junk = Bundle {
        cas: vec![one.clone()],
        junk: true,
    };
    let there = Published::Known(vec![junk]);
    assert_eq!(
        settled(&stored, &there, Some(leaf(1, NOW))),
        Step::Publish(vec![one])
    );
}

#[test]
fn a_leaf_is_renewed_before_two_thirds_of_its_life() {
    let one = ca(1, NOW - 2 * DAY);
    let stored = Stored::Held(held(one.clone()));
    let there = published(&[&one]);
    let aged = |age| settled(&stored, &there, Some(leaf(1, NOW - age)));
    assert_eq!(aged(DAY / 3 * 2 - 1), Step::Rest);
    assert_eq!(aged(DAY / 3 * 2), Step::Sign);
    assert_eq!(aged(2 * DAY), Step::Sign);
    // A clock that was ahead when it was signed.
    assert_eq!(aged(-DAY), Step::Sign);
    // And where nothing can be read, by what is in memory.
    let old = Some(leaf(1, NOW - DAY));
    assert_eq!(
        settled(&Stored::Unknown, &Published::Unknown, old),
        Step::Renew
    );
    assert_eq!(
        settled(&Stored::Unknown, &there, Some(leaf(1, NOW))),
        Step::Rest
    );
    assert_eq!(settled(&Stored::Unknown, &there, None), Step::Rest);
}

#[test]
fn a_ca_rotates_in_four_steps() {
    let (old, new) = (ca(1, NOW - YEAR / 3 * 2), ca(2, NOW));
    let served = Some(leaf(1, NOW));
    let mut state = held(old.clone());
    let step = |state: &Held, there: &Published, served, long| {
        decide(&Stored::Held(state.clone()), there, served, long)
    };
    assert_eq!(
        step(&state, &published(&[&old]), served, true),
        Step::AddNext
    );
    state.next = Some(new.clone());
    let both = Step::Publish(vec![old.clone(), new.clone()]);
    assert_eq!(step(&state, &published(&[&old]), served, true), both);
    let trusted = published(&[&old, &new]);
    assert_eq!(step(&state, &trusted, served, false), Step::Rest);
    assert_eq!(step(&state, &trusted, served, true), Step::Promote);
    // Nothing that could not be read back is taken for trusted.
    assert_eq!(step(&state, &Published::Unknown, served, true), Step::Rest);
    state = Held {
        current: new.clone(),
        next: None,
        previous: vec![old],
        until: NOW + DAY,
    };
    assert_eq!(step(&state, &trusted, served, true), Step::Sign);
    assert_eq!(step(&state, &trusted, Some(leaf(2, NOW)), true), Step::Rest);
    state.until = NOW;
    let alone = Step::Publish(vec![new.clone()]);
    assert_eq!(step(&state, &trusted, Some(leaf(2, NOW)), true), alone);
    assert_eq!(
        step(&state, &published(&[&new]), Some(leaf(2, NOW)), true),
        Step::Prune
    );
}

#[test]
fn a_young_ca_stays() {
    let one = ca(1, NOW - YEAR / 3 * 2 + 10);
    let stored = Stored::Held(held(one.clone()));
    assert_eq!(
        settled(&stored, &published(&[&one]), Some(leaf(1, NOW))),
        Step::Rest
    );
}

#[test]
fn a_secret_that_is_gone_is_made_anew_without_a_gap() {
    let (old, new) = (ca(1, NOW), ca(2, NOW));
    let served = Some(leaf(1, NOW));
    let there = published(&[&old]);
    assert_eq!(
        settled(&Stored::Missing, &there, served),
        Step::Create(vec![old.clone()])
    );
    let bad = Stored::Useless("tls.key is no key".to_owned());
    let why = "tls.key is no key".to_owned();
    assert_eq!(
        settled(&bad, &there, served),
        Step::Replace(why, vec![old.clone()])
    );
    // What is trusted is not known: the old leaf is served on.
    assert_eq!(
        settled(&Stored::Missing, &Published::Unknown, served),
        Step::Rest
    );
    assert_eq!(
        settled(&Stored::Missing, &Published::Unknown, None),
        Step::Create(vec![])
    );
    let stored = Stored::Held(Held {
        current: new.clone(),
        next: None,
        previous: vec![old.clone()],
        until: NOW + DAY,
    });
    let both = Step::Publish(vec![new.clone(), old.clone()]);
    assert_eq!(settled(&stored, &there, served), both);
    let trusted = published(&[&new, &old]);
    assert_eq!(decide(&stored, &trusted, served, false), Step::Rest);
    assert_eq!(settled(&stored, &trusted, served), Step::Sign);
}

#[test]
fn who_is_not_trusted_anyway_does_not_wait() {
    let stored = Stored::Held(held(ca(2, NOW)));
    let foreign = ca(9, NOW);
    assert_eq!(
        settled(&stored, &published(&[&foreign]), Some(leaf(1, NOW))),
        Step::Sign
    );
    let expired = Some(leaf(1, NOW - 2 * DAY));
    assert_eq!(settled(&stored, &Published::Unknown, expired), Step::Sign);
}

#[test]
fn an_expired_bundle_entry_is_not_taken_over() {
    let mut dead = ca(1, NOW - 2 * YEAR);
    dead.ends = NOW;
    let step = settled(&Stored::Missing, &published(&[&dead]), None);
    assert_eq!(step, Step::Create(vec![]));
}

#[test]
fn settling_begins_anew_when_a_ca_was_missing() {
    let one = ca(1, NOW);
    let mut settling = Settling::default();
    settling.update(&published(&[&one]), NOW);
    assert!(!settling.is_over(&one.fingerprint, GRACE, NOW + GRACE - 1));
    assert!(settling.is_over(&one.fingerprint, GRACE, NOW + GRACE));
    settling.update(&Published::Unknown, NOW + 1);
    assert!(settling.is_over(&one.fingerprint, GRACE, NOW + GRACE));
    settling.update(&published(&[]), NOW + 2);
    settling.update(&published(&[&one]), NOW + 3);
    assert!(!settling.is_over(&one.fingerprint, GRACE, NOW + GRACE));
    // The clock is set back by an hour: no wait of an hour.
    settling.update(&published(&[&one]), NOW - 3600);
    assert!(settling.is_over(&one.fingerprint, GRACE, NOW - 3600 + GRACE));
}

#[path = "race.rs"]
mod race;
