//! Orders on their way to workers. A worker's channel has 64 places, and drops an order that finds none.
//! A worker that is frozen reads nothing, so the primary bounds what it has sent there.

use std::collections::{BTreeMap, VecDeque};

use events::Pid;

use crate::{Id, talk::Order};

/// This many calls off may be unconfirmed in one worker. With the task of each, 32 more tasks, and an order
/// to drain they have places in its channel.
const UNCONFIRMED: usize = 15;

/// What each worker was told, and has yet to be told.
#[derive(Default)]
pub(super) struct Orders(BTreeMap<Pid, Way>);

#[derive(Default)]
struct Way {
    unconfirmed: usize,
    waiting: VecDeque<Order>,
}

impl Orders {
    /// The order goes to the worker `pid`, behind those that wait already.
    pub(super) fn add(&mut self, pid: Pid, order: Order) {
        self.0.entry(pid).or_default().waiting.push_back(order);
    }

    /// The worker `pid` must not start the task `id`. If the task waits here, the worker never hears of it.
    pub(super) fn call_off(&mut self, pid: Pid, id: Id) {
        let waiting = &mut self.0.entry(pid).or_default().waiting;
        let is_it = |order: &Order| matches!(order, Order::Run { id: waits, .. } if *waits == id);
        match waiting.iter().position(is_it) {
            Some(at) => drop(waiting.remove(at)),
            None => waiting.push_back(Order::Forget(id)),
        }
    }

    /// The worker `pid` has heard that a task was called off.
    pub(super) fn confirmed(&mut self, pid: Pid) {
        if let Some(way) = self.0.get_mut(&pid) {
            way.unconfirmed = way.unconfirmed.saturating_sub(1);
        }
    }

    /// The worker `pid` is dead.
    pub(super) fn lost(&mut self, pid: Pid) {
        self.0.remove(&pid);
    }

    /// Takes what can be sent now.
    pub(super) fn take(&mut self) -> Vec<(Pid, Order)> {
        let mut taken = Vec::new();
        for (pid, way) in &mut self.0 {
            while way.unconfirmed < UNCONFIRMED
                && let Some(order) = way.waiting.pop_front()
            {
                way.unconfirmed += usize::from(matches!(order, Order::Forget(_)));
                taken.push((*pid, order));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Work};

    const PID: Pid = Pid(7);

    fn run(id: u64) -> Order {
        let work = Work { kind: Kind::Prime, n: 7, priority: 0, key: None };
        Order::Run { id: Id(id), attempt: 1, work }
    }

    /// As long as it is frozen, each task is handed to it and called off.
    #[test]
    fn a_frozen_worker_gets_no_more_than_its_channel_has_places_for() {
        let (mut orders, mut sent) = (Orders::default(), Vec::new());
        for id in 1..=1000 {
            orders.add(PID, run(id));
            sent.append(&mut orders.take());
            orders.call_off(PID, Id(id));
            sent.append(&mut orders.take());
        }
        assert_eq!(sent.len(), 2 * UNCONFIRMED);
        const { assert!(2 * UNCONFIRMED + 32 + 1 < 64) };
        // It runs again: what it was not told of never reaches it.
        for _ in 0..UNCONFIRMED {
            orders.confirmed(PID);
        }
        assert_eq!(orders.take(), []);
        orders.add(PID, run(1001));
        assert_eq!(orders.take(), [(PID, run(1001))]);
    }

    #[test]
    fn the_next_worker_is_told_nothing_of_the_last_ones_tasks() {
        let mut orders = Orders::default();
        orders.add(PID, run(1));
        orders.lost(PID);
        assert_eq!(orders.take(), []);
    }
}
