//! What the primary answers its operators.

use std::fs;

use hyper::StatusCode;
use serde_json::json;

use super::{Primary, stable};
use crate::{
    Deploys, Refusal, Release,
    admin::{Question, Wish},
    talk::Workers,
};

/// `back` of the exercise returned `false`: no deploy is under way, or the extra isn't written yet.
const NO_WAY_BACK: &str = "there is no deploy to take back, or this program can't take one back";

impl<D: Deploys> Primary<D> {
    /// An operator asked.
    pub fn answer(&mut self, question: Question) {
        match question.wish.clone() {
            Wish::Deploy(_) if self.holds_deploys => {
                question.refuse(StatusCode::CONFLICT, "this primary is being replaced");
            }
            Wish::Deploy(release) => self.deploy(release, question),
            Wish::Back if self.deploys.back() => self.taking_back.push(question),
            Wish::Back => question.refuse(StatusCode::CONFLICT, NO_WAY_BACK),
            Wish::Status => {
                let mut says = json!(self.deploys.status());
                says["share"] = json!(self.telling.known_share());
                question.answer(StatusCode::OK, says);
            }
        }
    }

    fn deploy(&mut self, mut release: Release, question: Question) {
        const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
        // A link leads elsewhere tomorrow, and a version stays what it was when it was judged.
        match release.program.as_ref().map(fs::canonicalize).transpose() {
            Ok(program) => release.program = program,
            Err(error) => {
                return question.refuse(UNPROCESSABLE, &format!("no such program: {error}"));
            }
        }
        let (version, program) = (release.version, release.program.clone());
        match self.deploys.deploy(release) {
            Ok(deploy) => {
                self.knows(version, program);
                question.answer(StatusCode::ACCEPTED, json!({ "deploy": deploy }));
            }
            Err(Refusal::UnderWay) => {
                question.refuse(StatusCode::CONFLICT, "another deploy is under way");
            }
            Err(Refusal::NotNewer) => {
                question
                    .refuse(UNPROCESSABLE, "this version, or a higher one, was deployed before");
            }
            Err(Refusal::Schema) => question.refuse(
                UNPROCESSABLE,
                "two versions run side by side, so each must read what the other one writes",
            ),
            Err(Refusal::Log(error)) => {
                let sentence = format!("the deploy log can't be written: {error}");
                question.refuse(StatusCode::SERVICE_UNAVAILABLE, &sentence);
            }
        }
    }

    /// Answers each `POST /back` once no client gets the candidate's version any more.
    pub(super) fn answer_who_waits(&mut self, workers: &Workers) {
        let goal = self.deploys.goal();
        let is_back = goal.share == 0
            && self.telling.is_known()
            && stable(workers, self.slots()).iter().all(|worker| worker.version == goal.version);
        if is_back {
            for question in self.taking_back.drain(..) {
                question.answer(StatusCode::OK, json!({ "version": goal.version }));
            }
        }
    }
}
