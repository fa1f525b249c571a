//! What a timeline must show before a mutant's lesson is named as a known cause.
//!
//! One line in the header of a patch, `timeline: clause; clause`. Each clause is one of these:
//!
//! - `worker 1 drains`: some entry contains this text;
//! - `worker 1 drains then cut off`: and a later entry contains that text;
//! - `no panicked`: no entry contains it;
//! - `no ended then cut off`: they do not come in this order;
//! - `2 x started`: exactly two entries contain it.

use events::Entry;

/// All clauses of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence(Vec<Clause>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    /// As it stands in the header.
    text: String,
    needs: Needs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Needs {
    InOrder(Vec<String>),
    NotInOrder(Vec<String>),
    Exactly(usize, String),
}

impl Evidence {
    pub(super) fn parse(text: &str) -> Self {
        Evidence(text.split(';').map(|clause| Clause::parse(clause.trim())).collect())
    }

    pub(super) fn is_in(&self, timeline: &[Entry]) -> bool {
        self.missing(timeline).is_none()
    }

    /// The same without what must be absent: two things that race come in either order, and then the
    /// lesson is not named. No harm in that.
    pub(crate) fn lacks(&self, timeline: &[Entry]) -> Option<&str> {
        let is_absence = |clause: &&Clause| matches!(clause.needs, Needs::NotInOrder(_));
        let mut clauses = self.0.iter().filter(|clause| !is_absence(clause));
        clauses.find(|clause| !clause.is_in(timeline)).map(|clause| clause.text.as_str())
    }

    /// The first clause that `timeline` does not bear.
    pub(super) fn missing(&self, timeline: &[Entry]) -> Option<&str> {
        let clause = self.0.iter().find(|clause| !clause.is_in(timeline))?;
        Some(&clause.text)
    }
}

impl Clause {
    fn parse(text: &str) -> Self {
        let counted = text
            .split_once(" x ")
            .and_then(|(count, what)| Some(Needs::Exactly(count.parse().ok()?, what.to_owned())));
        let parts = |text: &str| text.split(" then ").map(str::to_owned).collect();
        let absent = || Some(Needs::NotInOrder(parts(text.strip_prefix("no ")?)));
        let in_order = || Needs::InOrder(parts(text));
        let needs = counted.or_else(absent).unwrap_or_else(in_order);
        Clause { text: text.to_owned(), needs }
    }

    fn is_in(&self, timeline: &[Entry]) -> bool {
        match &self.needs {
            Needs::InOrder(parts) => are_in_order(parts, timeline),
            Needs::NotInOrder(parts) => !are_in_order(parts, timeline),
            Needs::Exactly(count, part) => {
                timeline.iter().filter(|entry| entry.text.contains(part.as_str())).count() == *count
            }
        }
    }
}

fn are_in_order(parts: &[String], timeline: &[Entry]) -> bool {
    let mut entries = timeline.iter();
    parts.iter().all(|part| entries.any(|entry| entry.text.contains(part.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(evidence: &str, texts: &[&str]) -> Option<String> {
        let timeline: Vec<Entry> = texts.iter().map(|text| Entry::observed(0.0, *text)).collect();
        Evidence::parse(evidence).missing(&timeline).map(str::to_owned)
    }

    #[test]
    fn each_kind_of_clause_is_looked_up_in_the_timeline() {
        let texts = ["worker 1 started", "worker 2 started", "SIGTERM sent", "cut off"];
        for borne in [
            "started then SIGTERM then cut off",
            "no panicked",
            "no cut off then SIGTERM",
            "2 x started; 1 x cut off",
        ] {
            assert_eq!(missing(borne, &texts), None, "{borne}");
        }
        for (evidence, clause) in [
            ("cut off then SIGTERM", "cut off then SIGTERM"),
            ("started; no worker 2", "no worker 2"),
            ("no started then cut off", "no started then cut off"),
            ("1 x started", "1 x started"),
            ("exited", "exited"),
        ] {
            assert_eq!(missing(evidence, &texts).as_deref(), Some(clause));
        }
    }
}
