"""Exercise 2 in Python: SIGUSR2 rolls all workers to the next version, and no request is lost.

    cargo xtask check 2 --program "python3 crates/02-rolling-restart/tests/programs/server.py"
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

# The server and its drain are those of exercise 1.
sys.path.append(str(Path(__file__).parents[3] / "01-graceful-shutdown/tests/programs"))

import processes
from faults import faults
from plan import Limits, Plan, State
from roll import Roll
from settings import number, report, seconds
from worker import Service, run_worker
from workers import ESCALATION, Shutdown, Slot, Workers

PORT = number("PORT", 8000, most=65535)
WORKERS = number("WORKERS", 4, least=1, most=64)
DRAIN_TIMEOUT = seconds("DRAIN_TIMEOUT_MS", 10_000)
LAME_DUCK = seconds("LAME_DUCK_MS", 300)
RESTART_DELAY = seconds("RESTART_DELAY_MS", 200)
RESTART_DELAY_MAX = seconds("RESTART_DELAY_MAX_MS", 10_000)
ROLL_TIMEOUT = seconds("ROLL_TIMEOUT_MS", 300_000)
LIMITS = Limits(
    ready_timeout=seconds("READY_TIMEOUT_MS", 5000),
    drain_timeout=DRAIN_TIMEOUT + ESCALATION,
    min_ready=seconds("MIN_READY_MS", 100),
    surge=number("MAX_SURGE", 1, least=1, most=64),
)


class Primary:
    def __init__(self):
        self.listener = processes.listen(PORT)
        self.slots = [Slot(n, RESTART_DELAY, RESTART_DELAY_MAX) for n in range(1, WORKERS + 1)]
        self.workers = Workers(__file__, self.listener, self.heard, self.ended)
        self.roll = Roll()
        self.told = None
        self.alarm = None
        self.shutdown = None
        self.is_told_to_stop = asyncio.Event()

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, number)
        loop.add_signal_handler(signal.SIGUSR2, self.ask, self.roll.ask_for_the_next)
        loop.add_signal_handler(signal.SIGHUP, self.ask, self.roll.ask_for_the_one_before)
        address, port = self.listener.getsockname()
        report("listening", address=f"{address}:{port}")
        self.go()
        await self.is_told_to_stop.wait()
        await self.shutdown.is_over.wait()
        return self.shutdown.sum_up()

    def ask(self, change):
        if not self.shutdown:
            change(time.monotonic())
            self.go()

    def stop(self, number):
        if self.shutdown:
            return self.shutdown.force()
        self.shutdown = Shutdown(self.workers, number.name, DRAIN_TIMEOUT)
        # While any process holds it, the kernel goes on completing handshakes.
        self.listener.close()
        self.is_told_to_stop.set()

    def go(self):
        """Makes every move that is possible now, and comes back when the next one may be."""
        if self.shutdown:
            return
        # One look at the clock: what is decided by one and waited for by a later one can be missed.
        now = time.monotonic()
        if now >= self.roll.deadline(ROLL_TIMEOUT):
            self.roll.give_up("ROLL_TIMEOUT_MS")
        while move := self.plan(now).next_move():
            self.make(move, now)
        if self.roll.is_under_way and self.plan(now).is_over():
            self.roll.finish(now)
            return self.go()
        self.tell_progress()
        moment = min(self.plan(now).next_moment(), self.roll.deadline(ROLL_TIMEOUT))
        self.wake_at(moment, now)

    def wake_at(self, moment, now):
        if self.alarm:
            self.alarm.cancel()
        loop = asyncio.get_running_loop()
        # A day at most, because no moment at all is infinitely far away.
        self.alarm = loop.call_later(min(moment - now, 86_400), self.go)

    def plan(self, now):
        return Plan(self.slots, self.workers.all, self.roll.goal, LIMITS, now)

    def make(self, move, now):
        if move.start:
            started = self.workers.start(move.start, move.version, now)
            started.tell(progress=self.roll.progress())
        elif move.drain:
            move.drain.drain(DRAIN_TIMEOUT, now)
        else:
            was_starting = move.kill.state is State.STARTING
            move.kill.kill("it took too long" if move.is_late else "its version is given up")
            if move.is_late and was_starting:
                self.count_death(move.kill, "was not ready in time", now)

    def heard(self, worker, message):
        if message["is"] != "ready" or worker.state is not State.STARTING:
            return
        worker.state = State.READY
        worker.ready_at = time.monotonic()
        report("worker-ready", worker=worker.slot, pid=worker.pid)
        self.go()

    def ended(self, worker):
        if self.shutdown:
            return self.shutdown.ended(worker)
        now = time.monotonic()
        if worker.state is State.DRAINING or worker.was_draining:
            # A worker that died while it drained has cut one request at least.
            self.roll.lost(worker.drained["cut"] if worker.drained else 1)
            for other in self.workers.all:
                is_successor = other.slot == worker.slot and other.version != worker.version
                if is_successor and other.state is State.READY:
                    self.roll.replaced(other, now)
        elif worker.state is not State.KILLED:
            self.count_death(worker, "died", now)
        self.go()

    def count_death(self, worker, what, now):
        """A death of the new version before it has proven itself is the deploy's. Any other one is
        the slot's."""
        is_proven = worker.ready_at is not None and now - worker.ready_at >= LIMITS.min_ready
        is_new = self.roll.is_forward and worker.version == self.roll.goal.new
        if is_new and not is_proven:
            self.roll.give_up(f"worker {worker.slot} of {worker.version} {what}")
        else:
            self.slots[worker.slot - 1].count_death(worker, now)

    def tell_progress(self):
        progress = self.roll.progress()
        if progress == self.told:
            return
        self.told = progress
        for worker in self.workers.all:
            worker.tell(progress=progress)


class Site(Service):
    def __init__(self):
        self.progress = None

    def on_order(self, order):
        self.progress = order["progress"]

    async def answer(self, request, worker):
        uptime = int((time.monotonic() - worker.ready_at) * 1000)
        me = {"worker": worker.slot, "pid": os.getpid(), "version": worker.version}
        me["uptime_ms"] = uptime
        match request.route:
            case "GET /":
                await request.json(200, me)
            case "GET /slow":
                await request.json_later(me, request.number("ms", 300) / 1000)
            case "GET /busy":
                spin(request.number("ms", 5) / 1000)
                await request.json(200, me)
            case "GET /roll":
                await request.json(200, self.progress)
            case _:
                await request.json(404, me)


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def primary():
    return await Primary().run()


if __name__ == "__main__":
    faults()
    if processes.slot():
        run_worker(Site(), LAME_DUCK)
    sys.exit(asyncio.run(primary()))
