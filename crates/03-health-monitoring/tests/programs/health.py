"""What the primary knows of one worker: when it was heard, and what it said."""

from collections import deque
from dataclasses import dataclass

from usage import cpu_seconds, resident_bytes

MIB = 2**20


@dataclass
class Limits:
    """Seconds, MiB, percent and requests."""

    heartbeat_timeout: float
    memory: int
    error_rate: int
    min_requests: int
    window: float
    cpu: int


class History:
    """Values with their times, as far back as one window and one value more."""

    def __init__(self):
        self._values = deque()

    def add(self, time, value):
        self._values.append((time, value))

    def before(self, time):
        """The last time and value from before the window; None if the worker is younger."""
        while len(self._values) > 1 and self._values[1][0] <= time:
            self._values.popleft()
        if self._values and self._values[0][0] <= time:
            return self._values[0]
        return None


class WorkerHealth:
    def __init__(self, pid, limits, now):
        self.requests = self.errors = 0
        self.lag = 0.0
        # The condition for which it is being replaced. It stays so, whatever its figures say later.
        self.sick_of = None
        self._pid = pid
        self._limits = limits
        self._heard_at = now
        # How long the primary did not run since then.
        self._allowance = 0.0
        self._counts = History()
        self._cpu = History()

    def heard(self, heartbeat, now):
        self.count(heartbeat)
        self.lag = heartbeat["lag"]
        self._heard_at = now
        self._allowance = 0.0
        self._counts.add(now, (self.requests, self.errors))

    def count(self, message):
        self.requests, self.errors = message["requests"], message["errors"]

    def allow(self, seconds):
        self._allowance += seconds

    def age(self, now):
        return now - self._heard_at

    def silence(self, now):
        return max(0.0, self.age(now) - self._allowance)

    def is_silent(self, now):
        return self.silence(now) >= self._limits.heartbeat_timeout

    def findings(self, now):
        """Each condition with its level: critical, warning or None."""
        yield "memory", self._memory()
        yield "errors", "critical" if self._fails_too_often(now) else None
        yield "cpu", "critical" if self._burns(now) else None

    def _memory(self):
        used, limit = resident_bytes(self._pid) / MIB, self._limits.memory
        return "critical" if used > limit else "warning" if used > limit * 0.8 else None

    def _fails_too_often(self, now):
        _, before = self._counts.before(now - self._limits.window) or (None, (0, 0))
        requests, errors = self.requests - before[0], self.errors - before[1]
        says = requests > 0 and requests >= self._limits.min_requests
        return says and errors * 100 > self._limits.error_rate * requests

    def _burns(self, now):
        if not self._limits.cpu:
            return False
        used = cpu_seconds(self._pid)
        self._cpu.add(now, used)
        before = self._cpu.before(now - self._limits.window)
        return before and (used - before[1]) * 100 > self._limits.cpu * (now - before[0])
