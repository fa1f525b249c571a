//! The syllabus: topics, examples, guides, exercises and competencies, in reading order.
//!
//! This is the only place that lists them. Whether a topic is there yet is not written here but
//! seen from its folder, so that a new chapter needs no second switch.

use crate::workspace::Workspace;

/// One topic: a crate with a pattern, an example and its guides.
#[derive(Debug)]
pub(crate) struct Topic {
    /// `01` in `01-graceful-shutdown`.
    pub(crate) number: u8,
    /// The name of the topic's package.
    pub(crate) package: &'static str,
    /// What `list` calls it.
    pub(crate) title: &'static str,
    /// The runnable example's target.
    pub(crate) example: &'static str,
    /// Its guides, without `guides/` and `.md`.
    pub(crate) guides: &'static [&'static str],
    /// Reading the guides and playing the tour, in minutes: 150 words a minute, with their code.
    pub(crate) reading: u16,
    /// What the learner builds, where there is something to build.
    pub(crate) exercise: Option<Exercise>,
}

/// One exercise: a file to complete, graded by the contract of its topic.
#[derive(Debug)]
pub(crate) struct Exercise {
    /// `1` in `exercise-1`.
    pub(crate) number: u8,
    /// How long it takes most people, in minutes.
    pub(crate) minutes: (u16, u16),
    /// What the learner can say once its promises are kept.
    pub(crate) learnt: &'static str,
}

/// Something that the reader can do at the end.
#[derive(Debug)]
pub(crate) struct Competency {
    /// As the self-test names it.
    pub(crate) name: &'static str,
    /// The exercises that prove it.
    pub(crate) exercises: &'static [u8],
}

/// All topics. A topic builds on lower numbers only.
pub(crate) const TOPICS: [Topic; 8] = [
    Topic {
        number: 0,
        package: "cluster-basics",
        title: "Cluster basics",
        example: "00-hello-cluster",
        guides: &["00-cluster-basics"],
        reading: 30,
        exercise: None,
    },
    Topic {
        number: 1,
        package: "graceful-shutdown",
        title: "Graceful shutdown",
        example: "01-graceful-shutdown",
        guides: &["01-graceful-shutdown-patterns"],
        reading: 35,
        exercise: Some(Exercise {
            number: 1,
            minutes: (30, 45),
            learnt: "Your cluster finishes what it holds, refuses what it can't, and is gone in time.",
        }),
    },
    Topic {
        number: 2,
        package: "rolling-restart",
        title: "Worker lifecycle and rolling restart",
        example: "02-rolling-restart",
        guides: &["02-worker-lifecycle", "03-rolling-restarts"],
        reading: 80,
        exercise: Some(Exercise {
            number: 2,
            minutes: (45, 60),
            learnt: "Your cluster changes its version under load and loses no request.",
        }),
    },
    Topic {
        number: 3,
        package: "health-monitoring",
        title: "Health monitoring",
        example: "03-health-monitoring",
        guides: &["04-health-monitoring"],
        reading: 55,
        exercise: Some(Exercise {
            number: 3,
            minutes: (45, 60),
            learnt: "Your cluster notices a sick worker, replaces it, and leaves a busy one alone.",
        }),
    },
    Topic {
        number: 4,
        package: "advanced-ipc",
        title: "Advanced IPC",
        example: "04-advanced-ipc",
        guides: &["05-advanced-ipc"],
        reading: 45,
        exercise: Some(Exercise {
            number: 4,
            minutes: (45, 60),
            learnt: "Your workers ask each other, and each call ends by its deadline, whatever happens to the other worker.",
        }),
    },
    Topic {
        number: 5,
        package: "shared-state",
        title: "Shared state",
        example: "05-shared-state",
        guides: &["06-state-management"],
        reading: 45,
        exercise: Some(Exercise {
            number: 6,
            minutes: (70, 95),
            learnt: "Your workers share counters, sessions, a cache and jobs, and each answer is right.",
        }),
    },
    Topic {
        number: 6,
        package: "worker-pools",
        title: "Worker pools",
        example: "06-worker-pools",
        guides: &["07-worker-pools"],
        reading: 40,
        exercise: Some(Exercise {
            number: 5,
            minutes: (45, 60),
            learnt: "Your pool brings each task to an end, also those whose worker died over them.",
        }),
    },
    Topic {
        number: 7,
        package: "zero-downtime-deploy",
        title: "Zero-downtime deploys",
        example: "07-zero-downtime-deploy",
        guides: &["08-zero-downtime-deploys"],
        reading: 45,
        exercise: Some(Exercise {
            number: 7,
            minutes: (75, 95),
            learnt: "Your deploys judge themselves: a bad version goes back by itself, a good one goes on.",
        }),
    },
];

/// The self-test at the end of the level.
pub(crate) const COMPETENCIES: [Competency; 8] = [
    Competency { name: "shut a cluster down properly", exercises: &[1] },
    Competency { name: "restart it without downtime", exercises: &[2] },
    Competency { name: "monitor the health of workers", exercises: &[3] },
    Competency { name: "make processes talk (advanced IPC)", exercises: &[4] },
    Competency { name: "share state across workers", exercises: &[6] },
    Competency { name: "handle worker failures", exercises: &[3, 5] },
    Competency { name: "roll a deployment out, and back", exercises: &[2, 7] },
    Competency { name: "debug what goes wrong in a cluster", exercises: &[1, 3, 5] },
];

impl Topic {
    /// `01-graceful-shutdown`: the name of its folder, and how a learner asks for it.
    pub(crate) fn slug(&self) -> String {
        format!("{:02}-{}", self.number, self.package)
    }

    /// `crates/01-graceful-shutdown`, relative to the workspace.
    pub(crate) fn folder(&self) -> String {
        format!("crates/{}", self.slug())
    }

    /// Whether the workbook has this topic yet.
    pub(crate) fn is_built(&self, workspace: &Workspace) -> bool {
        workspace.has(format!("{}/Cargo.toml", self.folder()))
    }

    /// Whether its exercise is written yet. The stub says so: a learner may have lost their file.
    pub(crate) fn has_exercise(&self, workspace: &Workspace) -> bool {
        self.exercise.is_some() && workspace.has(self.stub())
    }

    /// `crates/01-graceful-shutdown/stub.rs`: what the learner begins with.
    pub(crate) fn stub(&self) -> String {
        format!("{}/stub.rs", self.folder())
    }

    /// Whether a scripted tour of its example exists.
    pub(crate) fn has_tour(&self, workspace: &Workspace) -> bool {
        workspace.has(format!("{}/tour.rs", self.folder()))
    }
}

impl Exercise {
    /// `exercise-1`: its name, and that of its binary.
    pub(crate) fn name(&self) -> String {
        format!("exercise-{}", self.number)
    }

    /// The one file that a learner edits.
    pub(crate) fn file(&self) -> String {
        format!("exercises/{}.rs", self.name())
    }

    /// The same program, finished.
    pub(crate) fn solution_file(&self) -> String {
        format!("solutions/{}.rs", self.name())
    }

    /// The binary of the finished program, which its topic's package builds.
    pub(crate) fn solution_bin(&self) -> String {
        format!("solution-{}", self.number)
    }
}

/// The topics with an exercise, in order.
pub(crate) fn exercises() -> impl Iterator<Item = (&'static Topic, &'static Exercise)> {
    TOPICS.iter().filter_map(|topic| Some((topic, topic.exercise.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_exercises_are_numbered_in_order() {
        let topics: Vec<u8> = TOPICS.iter().map(|topic| topic.number).collect();
        assert_eq!(topics, [0, 1, 2, 3, 4, 5, 6, 7]);
        let numbers: Vec<u8> = exercises().map(|(_, exercise)| exercise.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn every_competency_is_proved_by_an_exercise_that_exists() {
        for competency in &COMPETENCIES {
            assert!(!competency.exercises.is_empty());
            for number in competency.exercises {
                assert!(exercises().any(|(_, exercise)| exercise.number == *number));
            }
        }
    }
}
