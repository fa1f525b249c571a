//! A deploy of a new version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::numbers::count;

/// How far a deploy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum DeployEvent {
    /// An operator deploys a version.
    #[serde(rename = "deploy-started")]
    Started {
        /// Its number, from 1.
        deploy: u64,
        /// The version.
        version: String,
        /// The operator.
        by: String,
    },
    /// Every stable worker passes on this share.
    #[serde(rename = "share-changed")]
    ShareChanged {
        /// The number of the deploy.
        deploy: u64,
        /// In percent.
        share: u32,
    },
    /// A step has ended well.
    #[serde(rename = "step-ended")]
    StepEnded {
        /// The number of the deploy.
        deploy: u64,
        /// The version.
        version: String,
        /// The candidate's share in the step, in percent.
        share: u32,
        /// Its answers in the step.
        answers: u32,
        /// How many of them were bad.
        errors: u32,
    },
    /// The deploy is over.
    #[serde(rename = "deploy-ended")]
    Ended {
        /// Its number.
        deploy: u64,
        /// The version.
        version: String,
        /// `promoted`, `sent-back` or `abandoned`.
        outcome: String,
        /// Why it was sent back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl fmt::Display for DeployEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeployEvent::Started { deploy, version, by } => {
                write!(f, "deploy {deploy}: {by} deploys {version}")
            }
            DeployEvent::ShareChanged { deploy, share } => {
                write!(f, "deploy {deploy}: the candidate answers {share} %")
            }
            DeployEvent::StepEnded { deploy, version, share, answers, errors } => {
                let answers = count(usize::try_from(*answers).unwrap_or(usize::MAX), "answer");
                write!(f, "deploy {deploy}: {version} had {share} %: {answers}, {errors} bad")
            }
            DeployEvent::Ended { deploy, version, outcome, reason } => {
                let reason = reason.as_ref().map(|reason| format!(": {reason}"));
                write!(f, "deploy {deploy}: {version} {outcome}{}", reason.unwrap_or_default())
            }
        }
    }
}
