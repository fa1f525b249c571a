//! The calls that are open on one link, and what becomes of each.
//!
//! Three things end a call: its answer, the end of the peer, and its caller, which leaves at the
//! deadline. Whatever comes first takes the entry away, so what comes later finds nothing to change.

use std::collections::HashMap;

use advanced_ipc::{CallId, Failure};

/// The open calls. `W` is where a caller waits.
pub(crate) struct Table<W> {
    /// Counted and never given out twice: an answer that comes after its deadline must find no call.
    last: u64,
    limit: usize,
    open: HashMap<CallId, W>,
    is_gone: bool,
}

impl<W> Table<W> {
    /// A table with `limit` places.
    pub(crate) fn new(limit: usize) -> Self {
        Table { last: 0, limit, open: HashMap::new(), is_gone: false }
    }

    /// Enters a call whose caller waits at `waiter`.
    pub(crate) fn open(&mut self, waiter: W) -> Result<CallId, Failure> {
        // Under the same lock as `gone`: a call that was entered after it would wait for its deadline.
        if self.is_gone {
            return Err(Failure::Died);
        }
        if self.open.len() >= self.limit {
            return Err(Failure::Full);
        }
        self.last += 1;
        let id = CallId(self.last);
        self.open.insert(id, waiter);
        Ok(id)
    }

    /// Takes the call `id` out; `None` if it isn't open (any more).
    pub(crate) fn close(&mut self, id: CallId) -> Option<W> {
        self.open.remove(&id)
    }

    /// The peer is gone, and everything that it said was read: takes out each call that is open, and
    /// refuses every later one.
    pub(crate) fn gone(&mut self) -> Vec<W> {
        self.is_gone = true;
        self.open.drain().map(|(_, waiter)| waiter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> (Table<char>, [CallId; 2]) {
        let mut table = Table::new(2);
        let ids = ['a', 'b'].map(|waiter| table.open(waiter).expect("a place"));
        (table, ids)
    }

    #[test]
    fn an_answer_reaches_the_call_of_its_id_in_whatever_order_it_comes() {
        let (mut table, [a, b]) = full();
        assert_eq!((table.close(b), table.close(a)), (Some('b'), Some('a')));
    }

    #[test]
    fn a_second_answer_finds_no_call() {
        let (mut table, [a, _]) = full();
        assert_eq!((table.close(a), table.close(a)), (Some('a'), None));
    }

    #[test]
    fn an_id_is_never_given_out_twice_so_a_late_answer_finds_no_later_call() {
        let (mut table, [a, _]) = full();
        table.close(a);
        let later = table.open('c').expect("its place is free");
        assert_ne!(later, a);
        assert_eq!(table.close(a), None);
    }

    #[test]
    fn there_are_as_many_places_as_the_limit_says_and_closing_gives_one_back() {
        let (mut table, [a, _]) = full();
        assert_eq!(table.open('c'), Err(Failure::Full));
        table.close(a);
        assert!(table.open('c').is_ok());
        assert_eq!(table.open('d'), Err(Failure::Full));
    }

    #[test]
    fn the_end_of_the_peer_ends_each_call_once_and_no_other_is_opened() {
        let (mut table, [a, _]) = full();
        table.close(a);
        assert_eq!(table.gone(), ['b']);
        assert!(table.gone().is_empty());
        assert_eq!(table.open('c'), Err(Failure::Died));
    }
}
