//! The parts of `verify`, and what a command line may ask of them.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{exit::Failure, names, syllabus::Topic, workspace::Workspace};

/// A part of the checks, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Tidy,
    Guides,
    Numbers,
    Stubs,
    Solutions,
    Examples,
    Steps,
    Programs,
    Mutants,
    Tours,
}

/// What the command line asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// One part of everything.
    pub(crate) only: Option<Part>,
    /// One chapter of everything, as the user names it.
    pub(crate) chapter: Option<String>,
    /// Whether a mutant is judged by the promises before its own, too.
    pub(crate) is_thorough: bool,
}

/// What is verified.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    only: Option<Part>,
    chapter: Option<&'static Topic>,
    pub(super) is_thorough: bool,
}

impl ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Self] {
        use Part::{
            Examples, Guides, Mutants, Numbers, Programs, Solutions, Steps, Stubs, Tidy, Tours,
        };
        &[Tidy, Guides, Numbers, Stubs, Solutions, Examples, Programs, Steps, Mutants, Tours]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Tidy => "tidy",
            Part::Guides => "guides",
            Part::Numbers => "numbers",
            Part::Stubs => "stubs",
            Part::Solutions => "solutions",
            Part::Examples => "examples",
            Part::Steps => "steps",
            Part::Programs => "programs",
            Part::Mutants => "mutants",
            Part::Tours => "tours",
        }
    }

    /// Whether it looks at chapter after chapter. The others look at the workbook as a whole.
    fn has_chapters(self) -> bool {
        match self {
            Part::Tidy | Part::Guides | Part::Numbers => false,
            Part::Stubs
            | Part::Solutions
            | Part::Examples
            | Part::Steps
            | Part::Programs
            | Part::Mutants
            | Part::Tours => true,
        }
    }
}

impl Options {
    /// What these options ask for. An option that the part does not have is wrong usage.
    pub(super) fn scope(&self, workspace: &Workspace) -> Result<Scope, Failure> {
        let name = self.chapter.as_deref();
        let chapter = name.map(|name| names::topic(workspace, name)).transpose()?;
        Scope { only: self.only, chapter, is_thorough: self.is_thorough }.or_refused()
    }
}

impl Scope {
    fn or_refused(self) -> Result<Self, Failure> {
        let refused = |sentence: String| Err(Failure::Usage(sentence));
        match self.only {
            Some(part) if self.is_thorough && part != Part::Mutants => refused(format!(
                "--thorough is about mutants and does nothing for {}; leave one of them out.",
                part.name()
            )),
            Some(part) if self.chapter.is_some() && !part.has_chapters() => {
                refused(format!("The part {} has no chapters; leave out --chapter.", part.name()))
            }
            Some(_) | None => Ok(self),
        }
    }

    /// The parts that are asked for.
    pub(super) fn parts(self) -> Vec<Part> {
        let all = Part::value_variants().iter().copied();
        let is_asked_for = move |part: &Part| self.only.is_none_or(|only| only == *part);
        let applies = move |part: &Part| self.chapter.is_none() || part.has_chapters();
        all.filter(is_asked_for).filter(applies).collect()
    }

    /// Whether `topic` is asked for.
    pub(super) fn includes(self, topic: &Topic) -> bool {
        self.chapter.is_none_or(|chapter| chapter.number == topic.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syllabus::TOPICS;

    #[test]
    fn a_chapter_leaves_out_the_parts_that_have_none() {
        let scope = Scope { chapter: Some(&TOPICS[1]), ..Scope::default() };
        let names: Vec<_> = scope.parts().into_iter().map(Part::name).collect();
        assert_eq!(
            names,
            ["stubs", "solutions", "examples", "programs", "steps", "mutants", "tours"]
        );
        assert!(scope.includes(&TOPICS[1]) && !scope.includes(&TOPICS[2]));
        assert_eq!(Scope::default().parts().len(), 10);
    }

    #[test]
    fn an_option_that_a_part_does_not_have_is_refused() {
        let scope = |only, chapter, is_thorough| Scope { only, chapter, is_thorough };
        for refused in [
            scope(Some(Part::Stubs), None, true),
            scope(Some(Part::Tours), Some(&TOPICS[1]), true),
            scope(Some(Part::Guides), Some(&TOPICS[1]), false),
        ] {
            assert!(matches!(refused.or_refused(), Err(Failure::Usage(_))), "{refused:?}");
        }
        for fine in [
            scope(Some(Part::Mutants), Some(&TOPICS[1]), true),
            scope(None, Some(&TOPICS[1]), true),
            scope(None, None, true),
        ] {
            assert!(fine.or_refused().is_ok(), "{fine:?}");
        }
    }
}
