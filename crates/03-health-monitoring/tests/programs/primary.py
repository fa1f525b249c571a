"""The primary: it hears its workers, judges them, and decides which may be replaced now."""

import asyncio
import signal
import time
from dataclasses import dataclass

import admin
import processes
from alerts import ActiveAlerts, Webhook
from health import Limits, WorkerHealth
from http1 import Server
from plan import State
from settings import report
from workers import ESCALATION, Shutdown, Slot, Workers


@dataclass
class Settings:
    """Durations are seconds."""

    program: str
    port: int
    admin_port: int
    workers: int
    heartbeat: float
    ready_timeout: float
    drain_timeout: float
    restart_delay: float
    restart_delay_max: float
    max_restarts: int
    retry_after: float
    report: float
    alert_url: str
    limits: Limits


class Place(Slot):
    """A slot with all that outlives its workers."""

    def __init__(self, number, settings, webhook):
        super().__init__(number, settings.restart_delay, settings.restart_delay_max)
        self.alerts = ActiveAlerts(number, webhook)
        self.restarts = 0
        self.had_worker = False
        self.is_given_up = False
        # Of the workers that are gone.
        self.requests = self.errors = 0


@dataclass
class Seen:
    """What operators see of a slot."""

    number: int
    state: str
    worker: object
    requests: int
    errors: int
    restarts: int


def is_ready(worker):
    return worker.state is State.READY


class Primary:
    def __init__(self, settings):
        self.settings = settings
        self.tick = min(0.1, settings.heartbeat / 2)
        self.webhook = Webhook(settings.alert_url)
        numbers = range(1, settings.workers + 1)
        self.places = [Place(number, settings, self.webhook) for number in numbers]
        self.listener = processes.listen(settings.port)
        self.admin = processes.listen(settings.admin_port, "ADMIN_PORT")
        self.workers = Workers(settings.program, self.listener, self.heard, self.ended)
        self.shutdown = None
        self.is_told_to_stop = asyncio.Event()

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop, number)
        self.admin.setblocking(False)
        Server(self.admin, lambda request: admin.answer(request, self.slots(), time.monotonic()))
        address, port = self.listener.getsockname()
        admin_port = self.admin.getsockname()[1]
        report("listening", address=f"{address}:{port}", admin=f"{address}:{admin_port}")
        beside = [self.watch(), self.webhook.deliver(), self.report()]
        tasks = [asyncio.create_task(task) for task in beside]
        await self.is_told_to_stop.wait()
        await self.shutdown.is_over.wait()
        for task in tasks:
            task.cancel()
        return self.shutdown.sum_up()

    def stop(self, number):
        if self.shutdown:
            return self.shutdown.force()
        self.shutdown = Shutdown(self.workers, number.name, self.settings.drain_timeout)
        # While any process holds it, the kernel goes on completing handshakes.
        self.listener.close()
        self.is_told_to_stop.set()

    async def watch(self):
        """Time in which this loop did not run says nothing about the workers."""
        before = time.monotonic()
        while True:
            now = time.monotonic()
            for worker in self.workers.all:
                worker.health.allow(max(0.0, now - before - self.tick))
            before = now
            self.go()
            await asyncio.sleep(self.tick)

    async def report(self):
        while True:
            await asyncio.sleep(self.settings.report)
            slots = self.slots()
            report(
                "report",
                ready=sum(slot.state == "ready" for slot in slots),
                workers=len(slots),
                requests=sum(slot.requests for slot in slots),
                errors=sum(slot.errors for slot in slots),
            )

    def heard(self, worker, message):
        now = time.monotonic()
        match message["is"]:
            case "ready" if worker.state is State.STARTING:
                self.becomes_ready(worker, now)
            case "heartbeat":
                worker.health.heard(message, now)
            case "drained":
                worker.health.count(message)
        self.go()

    def becomes_ready(self, worker, now):
        worker.state = State.READY
        worker.ready_at = now
        worker.health = WorkerHealth(worker.pid, self.settings.limits, now)
        report("worker-ready", worker=worker.slot, pid=worker.pid)
        place = self.place(worker)
        place.is_given_up = False
        place.alerts.resolve_all(worker.pid)

    def ended(self, worker):
        place = self.place(worker)
        place.requests += worker.health.requests
        place.errors += worker.health.errors
        if self.shutdown:
            return self.shutdown.ended(worker)
        if worker.state not in (State.DRAINING, State.KILLED):
            self.fails(worker, "died", "it died")
        self.go()

    def place(self, worker):
        return self.places[worker.slot - 1]

    def go(self):
        if self.shutdown:
            return
        now = time.monotonic()
        for worker in self.workers.all:
            self.judge(worker, now)
        for worker in self.workers.all:
            self.end(worker, now)
        for place in self.places:
            self.fill(place, now)

    def judge(self, worker, now):
        """What its figures say. A worker that is not ready, or must drain already, is not judged
        again."""
        health, alerts = worker.health, self.place(worker).alerts
        if not is_ready(worker):
            return
        if health.silence(now) >= self.settings.limits.heartbeat_timeout / 2:
            text = "no heartbeat for half of the timeout"
            alerts.raise_("warning", "heartbeat", worker.pid, text)
        else:
            alerts.calm("heartbeat", worker.pid)
        if health.sick_of:
            return
        for condition, level in health.findings(now):
            if level == "critical":
                health.sick_of = condition
                return self.fails(worker, condition, "over its limit")
            if level:
                alerts.raise_(level, condition, worker.pid, "near its limit")
            else:
                alerts.calm(condition, worker.pid)

    def end(self, worker, now):
        """Ends it, if it must end and may."""
        settings = self.settings
        match worker.state:
            case State.STARTING if now >= worker.started_at + settings.ready_timeout:
                worker.kill("it was not ready in time")
                self.fails(worker, "died", "not ready in time")
            case State.DRAINING:
                if now >= worker.draining_since + settings.drain_timeout + ESCALATION:
                    worker.kill("its drain is overdue")
            case State.READY if worker.health.is_silent(now):
                if self.may_kill(now):
                    worker.kill("no heartbeat")
                    self.fails(worker, "heartbeat", "no heartbeat within the timeout")
            case State.READY if worker.health.sick_of:
                others = [it for it in self.workers.all if it.slot == worker.slot and is_ready(it)]
                if any(not other.health.sick_of for other in others):
                    worker.drain(settings.drain_timeout, now)

    def may_kill(self, now):
        """With a majority any time. Otherwise one by one, when no slot misses its worker."""
        expected = {place.number for place in self.places if not place.is_given_up}
        ready = [worker for worker in self.workers.all if is_ready(worker)]
        heard = {worker.slot for worker in ready if not worker.health.is_silent(now)}
        has_majority = len(expected & heard) * 2 > len(expected)
        return has_majority or expected <= {worker.slot for worker in ready}

    def fails(self, worker, condition, text):
        """Each worker counts once, however it fails."""
        if worker.is_counted:
            return
        worker.is_counted = True
        now = time.monotonic()
        place = self.place(worker)
        place.count_death(worker, now)
        if not place.is_given_up:
            place.alerts.raise_("critical", condition, worker.pid, text)
        if place.streak > self.settings.max_restarts:
            place.is_given_up = True
            place.retry_at = now + self.settings.retry_after
            place.alerts.raise_("critical", "given-up", None, "too many restarts in a row")

    def fill(self, place, now):
        """A slot without a worker that is well, or will be, gets one."""
        own = [worker for worker in self.workers.all if worker.slot == place.number]
        will_serve = any(
            worker.state is State.STARTING or (is_ready(worker) and not worker.health.sick_of)
            for worker in own
        )
        if will_serve or now < place.retry_at:
            return
        place.restarts += place.had_worker
        place.had_worker = True
        worker = self.workers.start(place, "1.0.0", now)
        worker.is_counted = False
        worker.health = WorkerHealth(None, self.settings.limits, now)

    def slots(self):
        now = time.monotonic()
        seen = []
        for place in self.places:
            own = [worker for worker in self.workers.all if worker.slot == place.number]
            state, worker = self.state(place, own, now)
            requests = place.requests + sum(worker.health.requests for worker in own)
            errors = place.errors + sum(worker.health.errors for worker in own)
            seen.append(Seen(place.number, state, worker, requests, errors, place.restarts))
        return seen

    def state(self, place, own, now):
        ready = [worker for worker in own if is_ready(worker)]
        for worker in ready:
            if not worker.health.sick_of and not worker.health.is_silent(now):
                return "ready", worker
        if ready:
            return "sick", ready[0]
        for worker in own:
            if worker.state is State.STARTING:
                return "starting", worker
        return "given-up" if place.is_given_up else "empty", None
