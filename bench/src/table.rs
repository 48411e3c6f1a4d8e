//! What was measured, beside the goals and beside others.

use std::fmt::Write as _;

use crate::figure::{Goal, Sample, times};

/// The figures of one chapter.
pub(crate) struct Table {
    /// Whose figures they are.
    own: &'static str,
    groups: Vec<Group>,
}

/// One thing that was measured.
pub(crate) struct Group {
    what: String,
    own: Sample,
    goal: Option<Goal>,
    others: Vec<Other>,
}

struct Other {
    who: &'static str,
    sample: Sample,
    /// Whether it does what this project does; otherwise it is what nothing can be faster than.
    rival: bool,
}

impl Group {
    pub(crate) fn new(what: impl Into<String>, own: Sample) -> Self {
        Self {
            what: what.into(),
            own,
            goal: None,
            others: Vec::new(),
        }
    }

    pub(crate) fn goal(mut self, goal: impl Into<Option<Goal>>) -> Self {
        self.goal = goal.into();
        self
    }

    pub(crate) fn rival(self, who: &'static str, sample: Sample) -> Self {
        self.other(who, sample, true)
    }

    pub(crate) fn floor(self, who: &'static str, sample: Sample) -> Self {
        self.other(who, sample, false)
    }

    fn other(mut self, who: &'static str, sample: Sample, rival: bool) -> Self {
        self.others.push(Other { who, sample, rival });
        self
    }

    fn missed(&self) -> Option<String> {
        let goal = self.goal.filter(|goal| !goal.is_met(self.own.median()))?;
        let unit = self.own.unit;
        let (median, goal) = (unit.text(self.own.median()), goal.text(unit));
        Some(format!("{}: {median}, where {goal} is the goal", self.what))
    }

    fn ahead(&self) -> impl Iterator<Item = String> {
        let ahead = |other: &&Other| other.rival && other.sample.beats(&self.own);
        self.others.iter().filter(ahead).map(|other| {
            let [theirs, ours] = [&other.sample, &self.own].map(|one| one.unit.text(one.median()));
            format!("{}: {} {theirs}, here {ours}", self.what, other.who)
        })
    }

    fn write(&self, own: &str, text: &mut String) {
        let goal = self.goal.map_or_else(String::new, |goal| {
            let met = goal.is_met(self.own.median());
            let verdict = if met { "met" } else { "**missed**" };
            format!("{}: {verdict}", goal.text(self.own.unit))
        });
        line(text, [&self.what, own, "", &goal], &self.own);
        for other in &self.others {
            let ratio = times(other.sample.median() / self.own.median());
            line(text, ["", other.who, &ratio, ""], &other.sample);
        }
    }
}

fn line(text: &mut String, [what, who, ratio, goal]: [&str; 4], sample: &Sample) {
    let (median, spread) = (sample.unit.text(sample.median()), sample.spread());
    let _ = writeln!(
        text,
        "| {what} | {who} | {median} | {spread} | {ratio} | {goal} |"
    );
}

impl Table {
    pub(crate) fn new(own: &'static str) -> Self {
        Self {
            own,
            groups: Vec::new(),
        }
    }

    /// One more, shown on stderr at once.
    pub(crate) fn push(&mut self, group: Group) {
        let unit = group.own.unit;
        let median = unit.text(group.own.median());
        tests::say(&format!("bench: {}: {median}", group.what));
        self.groups.push(group);
    }

    /// The goals that were missed.
    pub(crate) fn missed(&self) -> impl Iterator<Item = String> {
        self.groups.iter().filter_map(Group::missed)
    }

    /// What others do faster or with less.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = String> {
        self.groups.iter().flat_map(Group::ahead)
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "| what | program | median | spread | ratio | goal |\n|---|---|---|---|---|---|\n",
        );
        for group in &self.groups {
            group.write(self.own, &mut text);
        }
        text
    }
}

#[cfg(test)]
mod test {
    use super::*;
    use crate::figure::Unit;

    fn group() -> Group {
        let sample = |value| Sample::once(Unit::Seconds, value);
        Group::new("work", sample(2.0))
            .goal(Goal::Below(1.0))
            .rival("quick", sample(1.0))
            .rival("slow", sample(4.0))
            .floor("nothing", sample(0.5))
    }

    #[test]
    fn what_is_missed_and_who_is_ahead_is_told() {
        let mut table = Table::new("ours");
        table.push(group());
        let missed: Vec<_> = table.missed().collect();
        assert_eq!(missed, ["work: 2.00 s, where < 1.00 s is the goal"]);
        let ahead: Vec<_> = table.ahead().collect();
        assert_eq!(ahead, ["work: quick 1.00 s, here 2.00 s"]);
    }

    #[test]
    fn each_program_has_a_line() {
        let mut text = String::new();
        group().write("ours", &mut text);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "| work | ours | 2.00 s |  |  | < 1.00 s: **missed** |"
        );
        assert_eq!(lines[2], "|  | slow | 4.00 s |  | 2.00 |  |");
        assert_eq!(lines.len(), 4);
    }
}
