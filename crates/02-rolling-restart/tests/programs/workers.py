"""The primary's hold on its workers, and their end."""

import asyncio
import time

import processes
from plan import State
from settings import report

# How long the primary waits for a worker beyond the worker's own deadline.
ESCALATION = 2.0


class Slot:
    """The restart streak of a slot: the delay grows with each death, and a long life ends it."""

    def __init__(self, number, delay, longest):
        self.number = number
        self.retry_at = 0.0
        self.died_of = None
        self.streak = 0
        self._delay = delay
        self._longest = longest

    def count_death(self, worker, now):
        if worker.ready_at is not None and now - worker.ready_at > self._longest:
            self.streak = 0
        self.streak += 1
        self.died_of = worker.version
        delay = 0.0
        if self.streak > 1:
            # A float has an end: the exponent is limited, too.
            delay = min(self._delay * 2 ** min(self.streak - 2, 60), self._longest)
            millis = round(delay * 1000)
            report("restart-delayed", worker=self.number, streak=self.streak, millis=millis)
        self.retry_at = now + delay


class Worker:
    """A worker that is alive, or about to be: its process starts in the background."""

    def __init__(self, slot, version, now):
        self.slot = slot
        self.version = version
        self.pid = None
        self.state = State.STARTING
        self.started_at = now
        self.ready_at = None
        self.draining_since = None
        self.drained = None
        # What it was when it was told to end.
        self.was_ready = self.was_draining = False
        self.process = None
        self._orders = []

    def tell(self, **order):
        if self.process:
            self.process.channel.tell(**order)
        else:
            self._orders.append(order)

    def is_up(self, process):
        self.process = process
        self.pid = process.pid
        for order in self._orders:
            process.channel.tell(**order)
        if self.state is State.KILLED:
            process.kill()

    def drain(self, timeout, now):
        self.was_ready = self.state is State.READY
        self.state = State.DRAINING
        self.draining_since = now
        self.tell(drain=timeout)

    def kill(self, reason):
        self.was_draining = self.state is State.DRAINING
        self.state = State.KILLED
        if self.process:
            self.process.kill()
            report("worker-killed", worker=self.slot, pid=self.pid, reason=reason)


class Workers:
    """Those that are alive. `heard(worker, message)` and `ended(worker)` are the primary's."""

    def __init__(self, program, listener, heard, ended):
        self.all = []
        self._program = program
        self._listener = listener
        self._heard = heard
        self._ended = ended
        self._tasks = set()

    def start(self, slot, version, now):
        worker = Worker(slot.number, version, now)
        self.all.append(worker)
        task = asyncio.create_task(self._look_after(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return worker

    async def _look_after(self, worker):
        settings = {"VERSION": worker.version}
        try:
            process = await processes.start(self._program, worker.slot, self._listener, **settings)
        except OSError:
            # It can be tried again: a start that fails is a death like any other.
            await asyncio.sleep(0.2)
        else:
            await self._hear(worker, process)
        self.all.remove(worker)
        self._ended(worker)

    async def _hear(self, worker, process):
        worker.is_up(process)
        version = worker.version
        report("worker-started", worker=worker.slot, pid=worker.pid, version=version)
        while message := await process.channel.hear():
            if message["is"] == "drained":
                worker.drained = message
            self._heard(worker, message)
        report("worker-exited", worker=worker.slot, pid=worker.pid, exit=await process.exit())


class Shutdown:
    """The end of all workers. What was cut before does not count."""

    def __init__(self, workers, signal_name, timeout):
        self.is_over = asyncio.Event()
        self._workers = workers
        self._began = time.monotonic()
        self._drained = self._cut = 0
        self._has_lost = self._is_forced = False
        report("shutdown-started", signal=signal_name, timeout_ms=round(timeout * 1000))
        for worker in workers.all:
            if worker.state in (State.STARTING, State.READY):
                worker.drain(timeout, self._began)
        # A stopped or stuck worker can't keep its own deadline.
        loop = asyncio.get_running_loop()
        loop.call_later(timeout + ESCALATION, self._kill_all, "the drain is overdue")
        self._end_if_alone()

    def force(self):
        self._is_forced = True
        report("shutdown-forced", reason="a second signal")
        self._kill_all("a second signal")

    def _kill_all(self, reason):
        for worker in self._workers.all:
            worker.kill(reason)

    def ended(self, worker):
        if worker.drained:
            self._drained += worker.drained["answered"]
            self._cut += worker.drained["cut"]
        elif worker.was_ready:
            # A worker that was never ready had no request that could be lost.
            self._has_lost = True
        self._end_if_alone()

    def _end_if_alone(self):
        if not self._workers.all:
            self.is_over.set()

    def sum_up(self):
        is_clean = self._cut == 0 and not self._has_lost
        outcome = "forced" if self._is_forced else "drained" if is_clean else "cut"
        millis = int((time.monotonic() - self._began) * 1000)
        counts = {"drained": self._drained, "cut": self._cut, "millis": millis}
        report("shutdown-complete", outcome=outcome, **counts)
        return 0 if outcome == "drained" else 1
