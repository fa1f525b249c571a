"""Which version the workers run, which one they will run, and how the last roll ended."""

import math

from plan import Goal
from settings import report


class Roll:
    def __init__(self):
        self.goal = Goal("1.0.0", "1.0.0")
        self._minor = 0
        # The version before the last good roll: the way back leads there.
        self._before = None
        self._is_asked_again = False
        self._began = 0
        self._reason = None
        self._workers = []
        self._cut = 0
        self._finished = 0
        self._last = None

    @property
    def is_under_way(self):
        return self.goal.old != self.goal.new

    @property
    def is_forward(self):
        return self.is_under_way and not self.goal.is_back

    def deadline(self, timeout):
        return self._began + timeout if self.is_forward else math.inf

    def ask_for_the_next(self, now):
        if self.is_under_way:
            self._is_asked_again = True
        else:
            self._minor += 1
            self._begin(f"1.{self._minor}.0", now)

    def ask_for_the_one_before(self, now):
        if self.is_forward:
            self.give_up("SIGHUP")
        elif not self.is_under_way and self._before:
            self._begin(self._before, now)

    def _begin(self, version, now):
        self.goal = Goal(self.goal.new, version)
        self._began = now
        self._workers = []
        self._cut = 0
        report("roll-started", **{"from": self.goal.old, "to": version})

    def give_up(self, reason):
        if self.is_forward:
            self.goal.is_back = True
            self._reason = reason
            report("roll-abandoned", version=self.goal.new, reason=reason)

    def replaced(self, successor, now):
        """It has taken over in its slot: the worker before it has just ended."""
        millis = int((now - successor.started_at) * 1000)
        if successor.version == self.goal.new:
            self._workers.append({"worker": successor.slot, "millis": millis})
        version, pid = successor.version, successor.pid
        report("worker-replaced", worker=successor.slot, pid=pid, version=version, millis=millis)

    def lost(self, connections):
        self._cut += connections

    def finish(self, now):
        """Every worker runs the version that it should: the roll has ended, well or badly."""
        goal, millis = self.goal, int((now - self._began) * 1000)
        outcome = "rolled-back" if goal.is_back else "rolled-out"
        self._last = {
            "to": goal.new,
            "outcome": outcome,
            "reason": self._reason,
            "millis": millis,
            "cut": self._cut,
            "workers": self._workers,
        }
        self._finished += 1
        self._reason = None
        if not goal.is_back:
            self._before = goal.old
        self.goal = Goal(goal.aim, goal.aim)
        report("roll-finished", version=goal.aim, outcome=outcome, millis=millis)
        if self._is_asked_again:
            self._is_asked_again = False
            self.ask_for_the_next(now)

    def progress(self):
        """The answer to `GET /roll`."""
        phase = "steady"
        if self.is_under_way:
            phase = "rolling-back" if self.goal.is_back else "rolling"
        return {
            "phase": phase,
            "version": self.goal.aim,
            "reason": self._reason,
            "finished": self._finished,
            "last": self._last,
        }
