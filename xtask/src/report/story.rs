//! What stands under a broken promise: expected, observed, what happened, and one next step.

use colored::Colorize;
use events::{CAME_TO_A_TODO, Panic, contract::Story, spin, timeline::timeline};

use super::Words;
use crate::{
    mutants::Mutant,
    subject::Source,
    wrap::{hang, pad},
};

/// Columns below which a timeline is not indented.
const NARROW: usize = 60;

impl Words<'_> {
    /// The story of a broken promise. `likeness` is a mutant that breaks in the same way.
    pub(crate) fn story(&self, index: usize, story: &Story, likeness: Option<&Mutant>) -> String {
        let indent = self.indent();
        let likeness = likeness.filter(|_| !is_explained(story));
        let advice = story.advice.as_deref();
        let is_todo = advice.is_some_and(|advice| advice.starts_with(CAME_TO_A_TODO));
        let (todo, advice) = if is_todo { (advice, None) } else { (None, advice) };
        let mut lines: Vec<String> =
            todo.map(|todo| hang(&indent, todo, self.width)).into_iter().collect();
        lines.push(self.field("expected", &story.expected));
        lines.push(self.field("observed", &story.observed.red().to_string()));
        // A narrow terminal has no column to give away.
        let margin = if self.width < NARROW { "" } else { indent.as_str() };
        let drawn = timeline(&story.timeline, self.width - margin.len());
        lines.extend(drawn.into_iter().map(|line| format!("{margin}{line}")));
        lines.extend(advice.map(|advice| hang(&indent, advice, self.width)));
        let lesson = likeness.map(|mutant| as_sentence(&mutant.lesson));
        lines.extend(lesson.map(|lesson| hang(&indent, &lesson, self.width)));
        let guide = likeness.map_or(&self.promises[index].guide, |mutant| &mutant.guide);
        lines.push(self.link_field("guide", guide));
        if *self.source == Source::Own {
            let hint = format!("cargo xtask hint {}", self.exercise.name());
            lines.push(self.command_field("next", &hint));
        }
        lines.push(self.command_field("again", &self.again(index)));
        lines.join("\n") + "\n"
    }

    /// A broken extra, in short: it is an invitation, not a failure.
    pub(crate) fn beyond(&self, index: usize, story: &Story) -> String {
        let again = format!("story  {}", self.again(index));
        format!("{}\n{}{}", self.aside(&story.observed), self.indent(), again.dimmed())
    }

    fn field(&self, name: &str, text: &str) -> String {
        let lead = format!("{}{}  ", self.indent(), pad(name, 8).dimmed());
        hang(&lead, text, self.width)
    }

    /// A link that is too long for one line breaks before its anchor.
    fn link_field(&self, name: &str, link: &str) -> String {
        let room = self.width.saturating_sub(self.indent().len() + 10);
        let text = match link.split_once('#') {
            Some((file, anchor)) if link.len() > room => {
                format!("{} {}", file.cyan(), format!("#{anchor}").cyan())
            }
            Some(_) | None => link.cyan().to_string(),
        };
        self.field(name, &text)
    }

    /// A command stays on one line, however long: it is there to be pasted.
    fn command_field(&self, name: &str, command: &str) -> String {
        format!("{}{}  {}", self.indent(), pad(name, 8).dimmed(), command.bold())
    }
}

/// A program that panicked, at a `todo!` perhaps, or spins, has no misconception that a mutant could
/// show.
fn is_explained(story: &Story) -> bool {
    Panic::first(&story.timeline).is_some() || spin::of_primary(&story.timeline).is_some()
}

/// The lesson as one cause among others: another bug may look the same.
fn as_sentence(lesson: &str) -> String {
    let end = if lesson.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("One known cause: {lesson}{end}")
}
