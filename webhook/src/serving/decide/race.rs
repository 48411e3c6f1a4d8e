//! Replicas that take turns at random, over a Secret and two configurations that carry versions.

use super::*;

const LEAF: i64 = 300;
const CA: i64 = 3000;

/// What is stored, each with its version.
struct World {
    now: i64,
    secret: (u64, Option<Held>),
    bundles: [(u64, Vec<Ca>); 2],
    /// The caBundles at every second, for API servers that lag behind.
    seen: Vec<(i64, [Vec<Ca>; 2])>,
    made: u8,
    random: u64,
}

#[derive(Default)]
struct Replica {
    leaf: Option<Leaf>,
    settling: Settling,
    read: Option<[(u64, Vec<Ca>); 2]>,
    secret: Option<(u64, Option<Held>)>,
    signed: u32,
    signer_ends: i64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            now: NOW,
            secret: (0, None),
            bundles: Default::default(),
            seen: Vec::new(),
            made: 0,
            random: seed,
        }
    }

    fn chance(&mut self, of: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % of
    }

    fn new_ca(&mut self) -> Ca {
        self.made += 1;
        let mut made = ca(self.made, self.now);
        made.ends = self.now + CA;
        made
    }

    fn store(&mut self, version: u64, held: Held) {
        if self.secret.0 == version {
            self.secret = (version + 1, Some(held));
        }
    }

    /// What some API server trusts, if it lags by so many seconds.
    fn trusts(&self, lag: i64, issuer: &[u8; 32]) -> bool {
        let at = self.now - lag;
        let seen = self.seen.iter().rev().find(|(time, _)| *time <= at);
        seen.is_none_or(|(_, bundles)| {
            bundles
                .iter()
                .all(|cas| cas.iter().any(|ca| ca.fingerprint == *issuer))
        })
    }

    /// One of the three parts of a replica's turn; others may act between them.
    fn turn(&mut self, replica: &mut Replica) {
        let Some(read) = replica.read.take() else {
            replica.read = Some(self.bundles.clone());
            return;
        };
        let Some((version, held)) = replica.secret.take() else {
            replica.secret = Some(self.secret.clone());
            replica.read = Some(read);
            return;
        };
        let known = read.iter().map(|(_, cas)| Bundle {
            cas: cas.clone(),
            junk: false,
        });
        let published = Published::Known(known.collect());
        replica.settling.update(&published, self.now);
        let stored = held.clone().map_or(Stored::Missing, Stored::Held);
        let situation = Situation {
            stored: &stored,
            published: &published,
            settling: &replica.settling,
            leaf: replica.leaf,
            grace: GRACE,
            now: self.now,
        };
        let step = situation.step();
        self.act(replica, step, version, held, &read);
    }

    fn act(
        &mut self,
        replica: &mut Replica,
        step: Step,
        version: u64,
        held: Option<Held>,
        read: &[(u64, Vec<Ca>); 2],
    ) {
        let until = self.now + LEAF;
        match (step, held) {
            (Step::Create(previous), _) => {
                let current = self.new_ca();
                self.store(
                    version,
                    Held {
                        current,
                        next: None,
                        previous,
                        until,
                    },
                );
            }
            (Step::Publish(cas), _) => {
                for (mine, (read, _)) in self.bundles.iter_mut().zip(read) {
                    if mine.0 == *read {
                        *mine = (read + 1, cas.clone());
                    }
                }
            }
            (Step::Sign, Some(held)) => {
                let ends = until.min(held.current.ends);
                replica.leaf = Some(Leaf {
                    issuer: held.current.fingerprint,
                    begins: self.now,
                    ends,
                });
                replica.signed += 1;
                replica.signer_ends = held.current.ends;
            }
            (Step::AddNext, Some(held)) => {
                let next = Some(self.new_ca());
                self.store(version, Held { next, ..held });
            }
            (Step::Promote, Some(mut held)) => {
                let old = std::mem::replace(&mut held.current, held.next.take().unwrap());
                held.previous.push(old);
                self.store(version, Held { until, ..held });
            }
            (Step::Prune, Some(held)) => {
                self.store(
                    version,
                    Held {
                        previous: Vec::new(),
                        ..held
                    },
                );
            }
            (Step::Renew, _) => {
                let leaf = replica.leaf.as_mut().unwrap();
                leaf.begins = self.now;
                leaf.ends = until.min(replica.signer_ends);
            }
            (Step::Rest, _) => {}
            (step, held) => panic!("{step:?} with {held:?}"),
        }
    }
}

#[test]
fn replicas_agree_and_are_always_trusted() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        let mut replicas: [Replica; 3] = Default::default();
        let mut rotations = 0;
        let mut deleted = false;
        while world.now < NOW + 4 * CA {
            let which = usize::try_from(world.chance(3)).unwrap();
            world.turn(&mut replicas[which]);
            if world.chance(20) == 0 {
                world.now += 1;
                world
                    .seen
                    .push((world.now, world.bundles.clone().map(|(_, cas)| cas)));
            }
            if world.now > NOW + 2 * CA && !deleted {
                deleted = true;
                world.secret = (world.secret.0 + 1, None);
            }
            // The first seconds are the installation: nobody is asked yet.
            if world.now < NOW + GRACE * 2 {
                continue;
            }
            let lag = i64::try_from(world.chance(20)).unwrap();
            for replica in &replicas {
                let leaf = replica.leaf.unwrap();
                assert!(
                    leaf.ends > world.now,
                    "seed {seed}: an expired leaf is served"
                );
                assert!(
                    world.trusts(lag, &leaf.issuer),
                    "seed {seed}: {leaf:?} at {}",
                    world.now - NOW
                );
                rotations = rotations.max(leaf.issuer[0]);
            }
            assert!(
                world.bundles[0].1.len() <= 4,
                "seed {seed}: the bundle grows"
            );
        }
        let issuers: Vec<_> = replicas
            .iter()
            .map(|replica| replica.leaf.unwrap().issuer)
            .collect();
        assert!(
            issuers.iter().all(|issuer| *issuer == issuers[0]),
            "seed {seed}: no agreement"
        );
        assert!(rotations >= 5, "seed {seed}: {rotations} CAs");
        assert!(
            replicas.iter().all(|replica| replica.signed > 40),
            "seed {seed}"
        );
    }
}
