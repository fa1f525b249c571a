"""What the primary does next.

The plan has no memory of how far a roll is: it looks at the workers that are there. So a crash in
the middle, a roll back and the first start need no code of their own.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    STARTING = auto()
    READY = auto()
    DRAINING = auto()
    KILLED = auto()


@dataclass
class Goal:
    """In between two rolls both are the same version."""

    old: str
    new: str
    is_back: bool = False

    @property
    def aim(self):
        """The version that every worker runs in the end."""
        return self.old if self.is_back else self.new


@dataclass
class Limits:
    """Seconds, and how many workers may be alive beyond the slots."""

    ready_timeout: float
    drain_timeout: float
    min_ready: float
    surge: int


@dataclass
class Move:
    """One of `start` (a slot), `drain` and `kill` (a worker)."""

    start: object = None
    version: str = None
    drain: object = None
    kill: object = None
    is_late: bool = False


class Plan:
    def __init__(self, slots, workers, goal, limits, now):
        self.slots = slots
        self.workers = workers
        self.goal = goal
        self.limits = limits
        self.now = now

    def next_move(self):
        """The next move, or None when there is none now."""
        return (
            self._kill_one_that_is_late()
            or self._kill_one_of_a_bad_version()
            or self._fill_a_slot()
            or self._start_a_successor()
            or self._drain_a_predecessor()
        )

    def is_over(self):
        """A roll that failed does not wait for slots that have to wait."""
        if any(worker.version != self.goal.aim for worker in self.workers):
            return False
        filled = {worker.slot for worker in self.workers if self._is_available(worker)}
        return self.goal.is_back or len(filled) == len(self.slots)

    def next_moment(self):
        """When the next move may be possible though nothing happens until then."""
        moments = [slot.retry_at for slot in self.slots]
        moments += [self._due_at(worker) for worker in self.workers]
        moments += [
            worker.ready_at + self.limits.min_ready
            for worker in self.workers
            if worker.state is State.READY
        ]
        return min((moment for moment in moments if moment > self.now), default=math.inf)

    def _due_at(self, worker):
        """When it is late, with its start or with its drain."""
        match worker.state:
            case State.STARTING:
                return worker.started_at + self.limits.ready_timeout
            case State.DRAINING:
                return worker.draining_since + self.limits.drain_timeout
            case State.READY | State.KILLED:
                return math.inf

    def _is_available(self, worker):
        is_ready = worker.state is State.READY
        return is_ready and self.now >= worker.ready_at + self.limits.min_ready

    def _in_slot(self, slot):
        stays = (State.STARTING, State.READY)
        return [it for it in self.workers if it.slot == slot.number and it.state in stays]

    def _has_room(self):
        return len(self.workers) < len(self.slots) + self.limits.surge

    def _kill_one_that_is_late(self):
        for worker in self.workers:
            if self.now >= self._due_at(worker):
                return Move(kill=worker, is_late=True)

    def _kill_one_of_a_bad_version(self):
        """On the way back nothing waits for the starts of the version that failed."""
        for worker in self.workers:
            is_bad = worker.state is State.STARTING and worker.version != self.goal.old
            if self.goal.is_back and is_bad:
                return Move(kill=worker)

    def _fill_a_slot(self):
        """A death in a roll: the new version has to prove itself before it fills other slots."""
        if not self._has_room():
            return None
        is_proven = any(
            worker.version == self.goal.new and self._is_available(worker)
            for worker in self.workers
        )
        for slot in self.slots:
            is_filled = any(
                is_proven or worker.state is State.READY or worker.version == self.goal.old
                for worker in self._in_slot(slot)
            )
            if not is_filled and self.now >= slot.retry_at:
                return Move(start=slot, version=self.goal.aim if is_proven else self.goal.old)

    def _start_a_successor(self):
        if not self._has_room():
            return None
        versions = [(slot, {it.version for it in self._in_slot(slot)}) for slot in self.slots]
        aim = self.goal.aim
        if sum(aim in those and len(those) > 1 for _, those in versions) >= self.limits.surge:
            return None
        for slot, those in versions:
            # An empty slot has to wait, but not for the fix of what died there.
            if aim not in those and (those or slot.died_of not in (None, aim)):
                return Move(start=slot, version=aim)

    def _drain_a_predecessor(self):
        available = [worker for worker in self.workers if self._is_available(worker)]
        aim = self.goal.aim
        for slot in self.slots:
            if not any(it.slot == slot.number and it.version == aim for it in available):
                continue
            for old in self._in_slot(slot):
                if old.version == aim:
                    continue
                if old.state is not State.READY:
                    return Move(kill=old)
                if len([it for it in available if it is not old]) >= len(self.slots):
                    return Move(drain=old)
