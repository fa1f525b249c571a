"""Exercise 7 in Python: a canary with a verdict.

    cargo xtask check 7 --program "python3 crates/07-zero-downtime-deploy/tests/programs/server.py"
"""

import asyncio
import math
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# The server is that of exercise 1, the workers and their roll are those of exercise 2.
for chapter in ("01-graceful-shutdown", "02-rolling-restart"):
    sys.path.append(str(Path(__file__).parents[3] / chapter / "tests/programs"))

import answer_faults
import http1
import processes
from deploy_log import Log, order
from deploys import Deploys
from faults import faults
from plan import Goal, Limits, Plan, State
from settings import number, refuse, report, seconds
from versioned import run_worker
from workers import ESCALATION, Slot, Workers


def steps():
    text = os.environ.get("STEPS", "5,25,50")
    if re.fullmatch(r"\d+(,\d+)*", text):
        shares = [int(share) for share in text.split(",")]
        if shares == sorted(set(shares)) and 1 <= shares[0] and shares[-1] <= 100:
            return shares
    refuse(f"STEPS={text} makes no sense: write percentages that grow, such as 5,25,50")


@dataclass(frozen=True)
class Settings:
    workers: int = number("WORKERS", 4, least=1, most=64)
    steps: list = None
    step_answers: int = number("STEP_ANSWERS", 200, least=1, most=1000)
    worse: int = number("WORSE", 4, least=2, most=1000)
    doubt: int = number("DOUBT", 100, least=2, most=1000)
    look_answers: int = number("LOOK_ANSWERS", 20, least=1, most=1000)
    slower_by: float = seconds("SLOWER_BY_MS", 50)
    slow_looks: int = number("SLOW_LOOKS", 3, least=1, most=1000)
    keep: float = seconds("KEEP_MS", 0)
    ack_timeout: float = seconds("ACK_TIMEOUT_MS", 2000)
    answer_timeout: float = seconds("ANSWER_TIMEOUT_MS", 10_000)
    drain_timeout: float = seconds("DRAIN_TIMEOUT_MS", 10_000)
    lame_duck: float = seconds("LAME_DUCK_MS", 300)
    restart_delay: float = seconds("RESTART_DELAY_MS", 200)
    restart_delay_max: float = seconds("RESTART_DELAY_MAX_MS", 10_000)
    ready_timeout: float = seconds("READY_TIMEOUT_MS", 5000)
    min_ready: float = seconds("MIN_READY_MS", 100)

    def limits(self):
        return Limits(self.ready_timeout, self.drain_timeout + ESCALATION, self.min_ready, 1)


class Telling:
    """The split that the stable workers were told, and those that have not acknowledged it."""

    def __init__(self):
        self.id = self.step = 0
        self.wanted = (0, 0)
        self.told = {"deploy": 0, "share": 0, "step": 0, "candidate": None, "pids": []}
        self.waiting = set()
        self.until = math.inf

    def want(self, deploy, share):
        if self.wanted != (deploy, share):
            self.wanted = (deploy, share)
            self.step += 1

    def tell(self, stable, split, until):
        if split != self.told:
            self.id, self.told, self.until = self.id + 1, split, until
            self.waiting = set(stable)
            for worker in stable:
                worker.tell(split=split, id=self.id)

    def heard(self, worker, number=None):
        if number in (None, self.id):
            self.waiting.discard(worker)

    def holds(self):
        return not self.waiting and self.told["step"] == self.step


class Primary:
    def __init__(self, settings):
        self.settings = settings
        self.listener = processes.listen(number("PORT", 8000, most=65535))
        self.admin = processes.listen(number("ADMIN_PORT", 8001, most=65535), "ADMIN_PORT")
        self.admin.setblocking(False)
        path = os.environ.get("DEPLOY_LOG", f"{tempfile.gettempdir()}/deploys.log")
        log = Log(path)
        self.deploys = Deploys(settings, log, log.recovered)
        delays = (settings.restart_delay, settings.restart_delay_max)
        self.slots = [Slot(n, *delays) for n in range(1, 2 * settings.workers + 1)]
        self.workers = Workers(__file__, self.listener, self.heard, self.ended)
        self.telling = Telling()
        self.goal = Goal(self.deploys.target, self.deploys.target)
        self.taking_back = []
        self.alarm = None
        self.signals = 0
        self.is_clean = True
        self.is_over = asyncio.Event()

    def stable(self):
        return [worker for worker in self.workers.all if worker.slot <= self.settings.workers]

    def candidates(self):
        return [worker for worker in self.workers.all if worker.slot > self.settings.workers]

    async def run(self):
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(name, self.stop)
        self.operators = http1.Server(self.admin, self.operate)
        names = (it.getsockname() for it in (self.listener, self.admin))
        address, admin = (f"{host}:{port}" for host, port in names)
        report("listening", address=address, admin=admin)
        self.go()
        await self.is_over.wait()
        return 0 if self.is_clean and self.signals == 1 else 1

    def go(self):
        """Takes every step that is possible now, and comes back when the next one may be."""
        if self.signals:
            return
        now = time.monotonic()
        deploys = self.deploys
        for _ in range(8):
            before = (deploys.share, deploys.target, deploys.has_candidate)
            self.bring_about(now)
            is_alone = not deploys.has_candidate and not self.candidates()
            deploys.go_on(now, self.telling.holds(), self.is_rolled(now), is_alone)
            if before == (deploys.share, deploys.target, deploys.has_candidate):
                break
        self.want()
        self.answer_who_waits()
        self.wake(now)

    def want(self):
        self.telling.want(self.deploys.number, self.deploys.share)

    def bring_about(self, now):
        self.want()
        self.kill_late(now)
        self.fill(now)
        needed = -(-self.deploys.share * self.settings.workers // 100)
        if self.deploys.has_candidate:
            version = self.deploys.current.release["version"]
            taken = {worker.slot for worker in self.candidates()}
            first = self.settings.workers
            for slot in self.slots[first : first + needed]:
                if slot.number not in taken and now >= slot.retry_at:
                    self.workers.start(slot, version, now)
        else:
            for worker in self.candidates():
                self.drain(worker, now)
        ready = [it for it in self.candidates() if it.state is State.READY]
        if not self.deploys.share or len(ready) >= needed:
            self.tell(ready if self.deploys.share else [], now)

    def tell(self, ready, now):
        deploy, share = self.telling.wanted
        split = {"deploy": deploy, "share": share, "step": self.telling.step}
        split |= {"candidate": ready[0].version if ready else None}
        split |= {"pids": sorted(worker.pid for worker in ready)}
        self.telling.tell(self.stable(), split, now + self.settings.ack_timeout)

    def plan(self, now):
        slots = self.slots[: self.settings.workers]
        return Plan(slots, self.stable(), self.goal, self.settings.limits(), now)

    def fill(self, now):
        target = self.deploys.target
        if self.goal.aim != target:
            is_back = self.goal.old == target
            self.goal = Goal(target, self.goal.new, True) if is_back else Goal(self.goal.aim, target)
        while move := self.plan(now).next_move():
            if move.start:
                worker = self.workers.start(move.start, move.version, now)
                worker.tell(split=self.telling.told, id=self.telling.id)
            elif move.drain:
                self.drain(move.drain, now)
            else:
                self.kill(move.kill, "it is late, or not wanted")
                if move.is_late and move.kill.ready_at is None:
                    self.slots[move.kill.slot - 1].count_death(move.kill, now)
                    self.deploys.died(move.kill.version)
        if self.is_rolled(now):
            self.goal = Goal(target, target)

    def is_rolled(self, now):
        workers = self.stable()
        plan = self.plan(now)
        is_right = lambda it: it.version == self.deploys.target and plan._is_available(it)
        return len(workers) == self.settings.workers and all(map(is_right, workers))

    def kill_late(self, now):
        for worker in self.candidates():
            limits = self.settings.limits()
            is_starting = worker.state is State.STARTING
            is_late = is_starting and now >= worker.started_at + limits.ready_timeout
            is_stuck = worker.state is State.DRAINING
            is_stuck = is_stuck and now >= worker.draining_since + limits.drain_timeout
            if is_late or is_stuck:
                self.kill(worker, "it is late")
            if is_late:
                self.deploys.died(worker.version)
        if self.telling.waiting and now >= self.telling.until:
            for worker in self.telling.waiting:
                self.kill(worker, "it has not acknowledged the split")
            self.telling.until = math.inf

    def kill(self, worker, reason):
        if worker.state is not State.KILLED:
            worker.kill(reason)

    def drain(self, worker, now):
        if worker.state in (State.STARTING, State.READY):
            worker.drain(self.settings.drain_timeout, now)

    def wake(self, now):
        """A look every 20 ms is enough for deadlines, and simple."""
        if self.alarm:
            self.alarm.cancel()
        self.alarm = asyncio.get_running_loop().call_later(0.02, self.go)

    def heard(self, worker, message):
        match message["is"]:
            case "ready":
                if worker.state is State.STARTING:
                    worker.state, worker.ready_at = State.READY, time.monotonic()
                    report("worker-ready", worker=worker.slot, pid=worker.pid)
            case "heard":
                self.telling.heard(worker, message["id"])
            case "answers":
                for answer in message["batch"]:
                    if answer["step"] == self.telling.step:
                        self.deploys.seen(answer)
                        self.want()
            case "drained":
                self.is_clean &= not (self.signals and message["cut"])
        self.go()

    def ended(self, worker):
        self.telling.heard(worker)
        was_told = worker.state is State.DRAINING or worker.was_draining
        if not was_told and worker.state is not State.KILLED:
            self.slots[worker.slot - 1].count_death(worker, time.monotonic())
            self.deploys.died(worker.version)
        if self.signals:
            self.is_clean &= bool(worker.drained) or not worker.was_ready
            self.end()
        self.go()

    def stop(self):
        self.signals += 1
        if self.signals > 1:
            for worker in self.workers.all:
                self.kill(worker, "a second signal")
            return
        while self.taking_back:
            self.taking_back.pop().set_result(None)
        # While any process holds it, the kernel goes on completing handshakes.
        self.listener.close()
        for worker in self.stable():
            self.drain(worker, time.monotonic())
        loop = asyncio.get_running_loop()
        loop.call_later(self.settings.drain_timeout + ESCALATION, self.kill_all)
        self.end()

    def kill_all(self):
        for worker in self.workers.all:
            self.kill(worker, "the drain is overdue")

    def end(self):
        """The candidate's workers get nothing new once the stable ones are gone."""
        if not self.stable():
            for worker in self.candidates():
                self.drain(worker, time.monotonic())
        if not self.workers.all:
            self.is_over.set()

    async def operate(self, request):
        if self.signals:
            return await request.json(503, {"error": "the program is ending"})
        match request.route.split(" "):
            case ["GET", "/deploy"]:
                await request.json(200, self.status())
            case ["POST", "/deploy"]:
                await request.json(*self.deploy(request))
                self.go()
            case ["POST", "/back"] if self.deploys.current:
                self.deploys.send_back("an operator took it back")
                done = asyncio.get_running_loop().create_future()
                self.taking_back.append(done)
                self.go()
                if target := await done:
                    await request.json(200, {"version": target})
                else:
                    await request.json(503, {"error": "the program is ending"})
            case ["POST", "/back"]:
                await request.json(409, {"error": "there is no deploy to take back"})
            case [_, "/deploy" | "/back"]:
                await request.json(405, {"error": "no such method here"})
            case _:
                await request.json(404, {"error": "no such route"})

    def answer_who_waits(self):
        target = self.deploys.target
        is_back = not self.deploys.share and self.telling.holds()
        if is_back and all(worker.version == target for worker in self.stable()):
            while self.taking_back:
                self.taking_back.pop().set_result(target)

    def deploy(self, request):
        release = read(request)
        if not release:
            return 400, {"error": "write version=1.1.0, and perhaps by, reads and writes"}
        if self.deploys.current:
            return 409, {"error": "another deploy is under way"}
        if order(release["version"]) <= order(self.deploys.latest):
            return 422, {"error": "this version, or a higher one, was deployed before"}
        if not (fits(release, self.deploys.stable) and fits(self.deploys.stable, release)):
            return 422, {"error": "each version must read what the other one writes"}
        try:
            self.deploys.begin(release)
        except OSError as error:
            return 503, {"error": f"the log can't be written: {error}"}
        return 202, {"deploy": self.deploys.number}

    def status(self):
        deploys, deploy = self.deploys, self.deploys.current
        step = deploy and deploy.step
        return {
            "phase": deploy.phase if deploy else "steady",
            "version": deploys.stable["version"],
            "candidate": deploy and deploy.release["version"],
            "share": None if self.telling.waiting else self.telling.told["share"],
            "answers": step.new if step else 0,
            "errors": step.errors if step else 0,
            "score": step.score if step else 0,
            "deploy": deploys.number,
            "reason": deploy.reason if deploy else deploys.reason,
        }


def fits(reader, writer):
    return reader["reads"][0] <= writer["writes"] <= reader["reads"][1]


def read(request):
    """The release that an operator names, or None."""
    version, by = request.word("version"), request.word("by") or "nobody"
    reads, writes = request.word("reads") or "1-1", request.word("writes") or "1"
    is_sense = re.fullmatch(r"\d+\.\d+\.\d+", version) and re.fullmatch(r"[\w.@-]{1,64}", by, re.A)
    if not is_sense or not re.fullmatch(r"[1-9]\d*-[1-9]\d*", reads):
        return None
    least, most = (int(part) for part in reads.split("-"))
    if least > most or not re.fullmatch(r"[1-9]\d*", writes):
        return None
    return {"version": version, "by": by, "reads": (least, most), "writes": int(writes)}


async def primary(settings):
    return await Primary(settings).run()


if __name__ == "__main__":
    answer_faults.split() if not processes.slot() else None
    settings = Settings(steps=steps())
    if processes.slot():
        run_worker(settings)
    faults()
    code = asyncio.run(primary(settings))
    sys.stdout.flush()
    os._exit(code)
