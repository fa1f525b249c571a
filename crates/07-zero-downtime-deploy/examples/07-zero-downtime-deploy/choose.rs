//! Which version answers a request: exact without a name, and always the same with one.

use zero_downtime_deploy::{Split, fnv1a};

/// Parts of the clients that a share is measured in: a hundredth of a percent.
const PARTS: u64 = 10_000;

/// Whether the candidate answers. Without a name of its client the request is the `nth` of its kind in this
/// worker since the share changed, from 1.
///
/// A client is hashed with the number of the deploy and not of the step: who is in at 5 percent is in at 25.
pub(crate) fn choose(split: &Split, client: Option<&str>, nth: u64) -> bool {
    let share = u64::from(split.share);
    match client {
        Some(client) => fnv1a(&format!("{}/{client}", split.deploy)) % PARTS < share * PARTS / 100,
        None => nth * share / 100 > (nth - 1) * share / 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(deploy: u64, share: u32) -> Split {
        let mut split = Split::default();
        (split.deploy, split.share) = (deploy, share);
        split
    }

    #[test]
    fn of_each_hundred_requests_without_a_name_the_candidate_answers_its_share() {
        for share in 0..=100 {
            let split = split(1, share);
            let count = |requests: std::ops::RangeInclusive<u64>| {
                requests.filter(|nth| choose(&split, None, *nth)).count()
            };
            assert_eq!(count(1..=100), share as usize);
            assert_eq!(count(701..=800), share as usize);
        }
    }

    #[test]
    fn a_client_that_is_in_stays_in_as_the_share_grows() {
        let names: Vec<String> = (0..500).map(|number| format!("client-{number}")).collect();
        for name in &names {
            let is_in: Vec<bool> =
                (0..=100).map(|share| choose(&split(7, share), Some(name), 1)).collect();
            assert!(is_in.is_sorted(), "{name}");
            assert!(!is_in[0] && is_in[100], "{name}");
        }
    }

    #[test]
    fn another_deploy_tries_other_clients() {
        let names: Vec<String> = (0..500).map(|number| format!("client-{number}")).collect();
        let of = |deploy| -> Vec<bool> {
            names.iter().map(|name| choose(&split(deploy, 25), Some(name), 1)).collect()
        };
        assert_ne!(of(1), of(2));
    }
}
