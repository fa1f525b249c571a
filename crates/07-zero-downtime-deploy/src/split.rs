//! Which version answers: what the primary tells its stable workers.

use events::Pid;
use serde::{Deserialize, Serialize};
use supervisor::Version;

/// How requests are split between the stable version and a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The number of the deploy.
    pub deploy: u64,
    /// How many percent of the requests the candidate answers.
    pub share: u32,
    /// Grows with each change of the share, so that an answer can say to which share it belongs.
    pub(crate) step: u64,
    /// The version of the candidate.
    pub(crate) candidate: Option<Version>,
    /// The candidate's workers, which have a private socket each.
    pub(crate) workers: Vec<Pid>,
}

/// The FNV-1a hash of `text`: the same in every process, and in every release of Rust.
#[must_use]
pub fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_every_other_program() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }
}
