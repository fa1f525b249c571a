//! Many calls at once, and no failure left out.

use advanced_ipc::Slot;
use futures_util::future::join_all;

/// Asks all of `slots` at once with `ask`, and returns what became of each call.
///
/// It ends with the last call, and each has a deadline of its own. A sum over what came is only half of
/// the truth: a caller can name the missing workers because every slot is in the result.
pub(crate) async fn gather<F: Future>(
    slots: impl Iterator<Item = Slot>,
    ask: impl Fn(Slot) -> F,
) -> Vec<(Slot, F::Output)> {
    let asked = slots.map(|slot| {
        let outcome = ask(slot);
        async move { (slot, outcome.await) }
    });
    join_all(asked).await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn all_are_asked_before_the_first_has_answered() {
        // Each answers only when all three were asked.
        let all = Barrier::new(3);
        let gathered = gather(Slot::all(3), |slot| {
            let all = &all;
            async move {
                all.wait().await;
                slot.0
            }
        });
        let expected: Vec<_> = Slot::all(3).map(|slot| (slot, slot.0)).collect();
        assert_eq!(gathered.await, expected);
    }

    #[tokio::test]
    async fn a_failure_is_part_of_the_result() {
        let ask = |slot: Slot| ready(if slot.0 == 2 { Err("frozen") } else { Ok(()) });
        let gathered = gather(Slot::all(3), ask).await;
        let outcomes: Vec<_> = gathered.into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(outcomes, [Ok(()), Err("frozen"), Ok(())]);
    }
}
