"""Which task runs when, where, and how often. Nothing in here waits."""

import time
from collections import deque


class Full(Exception):
    """QUEUE_LIMIT tasks wait already."""


class Conflict(Exception):
    """Another task has this key, or the task has ended."""


def place(task):
    """Where a task stands: one that was started before comes first, and no priority passes forever."""
    return task["attempts"] == 0, task["id"] - 10 * task["priority"], task["id"]


class Pool:
    def __init__(self, settings, spool):
        self.settings = settings
        self.spool = spool
        self.tasks, self.next = {}, spool.next
        self.ended = deque()
        # Workers that may have tasks, and when each must have taken its next step.
        self.workers = {}
        dead = set()
        for task in sorted(spool.tasks.values(), key=lambda task: task["id"]):
            self.tasks[task["id"]] = task
            dead.add(task.get("pid"))
        for task in list(spool.tasks.values()):
            if task["status"] not in ("queued", "processing"):
                self._remember(task)
        for pid in dead - {None}:
            self.lost(pid)

    def of(self, pid):
        return [task for task in self.tasks.values() if task.get("pid") == pid]

    def running(self, pid):
        return next((task for task in self.of(pid) if task["status"] == "processing"), None)

    def count(self, status):
        return sum(task["status"] == status for task in self.tasks.values())

    def deadline(self):
        return min((step for step in self.workers.values() if step), default=None)

    def _expect_step(self, pid):
        if pid in self.workers:
            self.workers[pid] = time.monotonic() + self.settings.task_timeout

    def _end(self, task, status, **fields):
        task |= {"status": status, "pid": None, **fields}
        self.spool.write(task)
        self._remember(task)

    def _remember(self, task):
        self.ended.append(task["id"])
        while len(self.ended) > self.settings.results_limit:
            self.tasks.pop(self.ended.popleft())

    def submit(self, wish):
        known = (task for task in self.tasks.values() if wish["key"] and task["key"] == wish["key"])
        if task := next(known, None):
            if any(task[name] != value for name, value in wish.items()):
                raise Conflict
            return task["id"]
        if self.count("queued") >= self.settings.queue_limit:
            raise Full
        task = {"id": self.next, **wish, "status": "queued"}
        task |= {"attempts": 0, "result": None, "error": None, "pid": None}
        self.spool.write(task)
        self.next += 1
        self.tasks[task["id"]] = task
        return task["id"]

    def dispatch(self):
        """The next task and its worker, or None."""
        loads = [(len(self.of(pid)), pid) for pid in self.workers]
        load, pid = min(loads, default=(self.settings.credit, None))
        waiting = (t for t in self.tasks.values() if t["status"] == "queued" and not t["pid"])
        task = min(waiting, key=place, default=None)
        if load >= self.settings.credit or not task:
            return None
        task["pid"] = pid
        if load == 0:
            self._expect_step(pid)
        return pid, task

    def started(self, pid, number):
        task = self.tasks.get(number)
        if task and task["status"] == "queued" and task["pid"] == pid:
            task |= {"status": "processing", "attempts": task["attempts"] + 1}
            self.spool.write(task)
            self._expect_step(pid)

    def finished(self, pid, number, result):
        task = self.running(pid)
        if task and task["id"] == number:
            self._end(task, "completed", result=result)
            self.workers[pid] = None
            if self.of(pid):
                self._expect_step(pid)

    def cancel(self, number):
        """Calls a task off. Returns its worker, and whether that must be killed."""
        task = self.tasks[number]
        if task["status"] not in ("queued", "processing"):
            raise Conflict
        pid, is_running = task["pid"], task["status"] == "processing"
        self._end(task, "cancelled")
        if is_running:
            self.workers.pop(pid, None)
        elif pid in self.workers and not self.of(pid):
            self.workers[pid] = None
        return pid, is_running

    def lost(self, pid):
        self.workers.pop(pid, None)
        for task in self.of(pid):
            if task["status"] == "processing" and task["attempts"] >= self.settings.max_attempts:
                self._end(task, "failed", error="attempts")
            else:
                task |= {"status": "queued", "pid": None}

    def expire(self):
        """Fails what is late. Returns the workers that must be killed."""
        now = time.monotonic()
        late = [pid for pid, step in self.workers.items() if step and step <= now]
        for pid in late:
            del self.workers[pid]
            if task := self.running(pid):
                self._end(task, "failed", error="deadline")
        return late
