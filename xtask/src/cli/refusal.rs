//! Wrong usage in one plain sentence that says what to do, instead of clap's page of usage.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The answer to a command line that can't be understood.
pub(super) fn sentence(error: &clap::Error) -> String {
    let context = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let wrong = context(ContextKind::InvalidSubcommand).or(context(ContextKind::InvalidArg));
    let wrong = wrong.unwrap_or_default();
    let suggestion =
        context(ContextKind::SuggestedSubcommand).or(context(ContextKind::SuggestedArg));
    match (error.kind(), suggestion) {
        (ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument, Some(meant)) => {
            format!("There is no `{wrong}`. Did you mean `{meant}`?")
        }
        (ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument, None) => {
            format!("There is no `{wrong}` here; `cargo xtask help` lists the commands.")
        }
        (ErrorKind::MissingRequiredArgument, _) => format!(
            "{wrong} is missing; `cargo xtask list` shows the names of topics and exercises."
        ),
        (ErrorKind::ArgumentConflict, _) => {
            let other = context(ContextKind::PriorArg).unwrap_or_default();
            format!("{wrong} and {other} can't be combined; choose one.")
        }
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, _) => {
            let value = context(ContextKind::InvalidValue).unwrap_or_default();
            format!("`{value}` does not fit {wrong}; `cargo xtask help` explains each command.")
        }
        _ => "That can't be understood; `cargo xtask help` lists the commands.".into(),
    }
}
