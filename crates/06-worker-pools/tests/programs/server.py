"""Exercise 5 in Python: a worker pool with a task queue.

    cargo xtask check 5 --program "python3 crates/06-worker-pools/tests/programs/server.py"
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The server and the processes are those of exercise 1.
sys.path.append(str(Path(__file__).parents[3] / "01-graceful-shutdown/tests/programs"))

import http1
import processes
from pool import Conflict, Full, Pool
from settings import number, refuse, report, seconds
from spool import Spool
from task_worker import KINDS, run

LONGEST_BODY = 64 * 1024
# What a client does not see of a task.
HIDDEN = {"pid", "priority", "key"}


def file(name, default):
    return os.environ.get(name, f"{tempfile.gettempdir()}/{default}")


@dataclass(frozen=True)
class Settings:
    workers: int = number("WORKERS", 4, least=1, most=64)
    queue_limit: int = number("QUEUE_LIMIT", 20, least=1, most=1000)
    credit: int = number("CREDIT", 1, least=1, most=32)
    max_attempts: int = number("MAX_ATTEMPTS", 3, least=1, most=1000)
    task_timeout: float = seconds("TASK_TIMEOUT_MS", 30_000, least=1)
    results_limit: int = number("RESULTS_LIMIT", 1000, least=1, most=1000)
    drain_timeout: float = seconds("DRAIN_TIMEOUT_MS", 10_000)
    lame_duck: float = seconds("LAME_DUCK_MS", 300)
    restart_delay: float = seconds("RESTART_DELAY_MS", 200)


class Refused(Exception):
    """The client's request makes no sense: a status and a sentence."""


class Primary:
    def __init__(self, settings):
        self.settings = settings
        self.pool = Pool(settings, Spool(file("SPOOL", "tasks.spool")))
        self.listener = processes.listen(number("PORT", 8000, most=65535))
        self.listener.setblocking(False)
        self.workers = {}
        self.deaths = dict.fromkeys(range(1, settings.workers + 1), 0)
        self.recycled = set()
        self.is_draining = False
        self.was_cut = False
        self.signals = 0
        self.turn = asyncio.Event()

    async def run(self):
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(name, self.end)
        self.server = http1.Server(self.listener, self.handle)
        address, port = self.listener.getsockname()
        report("listening", address=f"{address}:{port}")
        for slot in self.deaths:
            asyncio.create_task(self.keep(slot))
        asyncio.create_task(self.watch())
        while not (self.is_draining and not self.workers):
            self.hand_out()
            self.turn.clear()
            await self.turn.wait()
        self.was_cut |= self.signals > 1
        await self.server.drain(self.settings.lame_duck + 1, self.settings.lame_duck)
        return int(self.was_cut)

    def end(self):
        self.signals += 1
        if self.signals > 1:
            for worker in self.workers.values():
                worker.kill()
            os._exit(1)
        self.is_draining = self.server.is_draining = True
        limit = self.settings.drain_timeout
        for worker in self.workers.values():
            worker.channel.tell(drain=limit)
        asyncio.get_running_loop().call_later(limit + 2, self.kill_all)
        self.turn.set()

    def kill_all(self):
        for worker in self.workers.values():
            worker.kill()

    async def keep(self, slot):
        """Keeps a worker in this slot."""
        while not self.is_draining:
            worker = await processes.start(__file__, slot, self.listener)
            self.workers[worker.pid] = worker
            report("worker-started", worker=slot, pid=worker.pid)
            if self.is_draining:
                worker.channel.tell(drain=self.settings.drain_timeout)
            while message := await worker.channel.hear():
                self.heard(worker, message)
            exit = await worker.exit()
            report("worker-exited", worker=slot, pid=worker.pid, exit=exit)
            await self.gone(worker, exit)

    async def gone(self, worker, exit):
        pid = worker.pid
        is_its_tasks_fault = bool(self.pool.running(pid)) or pid in self.recycled
        self.was_cut |= self.is_draining and exit != {"code": 0} and pid not in self.recycled
        self.recycled.discard(pid)
        self.workers.pop(pid)
        self.pool.lost(pid)
        self.turn.set()
        self.deaths[worker.slot] += not is_its_tasks_fault
        if not is_its_tasks_fault and self.deaths[worker.slot] > 1 and not self.is_draining:
            await asyncio.sleep(self.settings.restart_delay)

    def heard(self, worker, message):
        if message["is"] == "ready":
            report("worker-ready", worker=worker.slot, pid=worker.pid)
            self.pool.workers[worker.pid] = None
        elif message["is"] == "started":
            self.pool.started(worker.pid, message["id"])
        else:
            self.pool.finished(worker.pid, message["id"], message["result"])
        self.turn.set()

    def hand_out(self):
        while not self.is_draining and (next := self.pool.dispatch()):
            pid, task = next
            order = {name: task[name] for name in ("id", "type", "n")}
            self.workers[pid].channel.tell(**order, attempt=task["attempts"] + 1)

    async def watch(self):
        """Looks at deadlines. If this process slept, its workers are heard first."""
        loop = asyncio.get_running_loop()
        while True:
            deadline = self.pool.deadline()
            wait = 0.02 if deadline is None else min(max(deadline - loop.time(), 0), 0.02)
            await asyncio.sleep(wait)
            if deadline and loop.time() > deadline + 0.03:
                await asyncio.sleep(0.2)
            for pid in self.pool.expire():
                self.recycled.add(pid)
                if worker := self.workers.get(pid):
                    worker.kill()

    async def handle(self, request):
        try:
            status, value = self.answer(request)
        except Refused as refused:
            status, value = refused.args[0], {"error": refused.args[1]}
        fields = {"Retry_After": 1} if status in (429, 503) else {}
        await request.json(status, value, **fields)
        self.turn.set()

    def answer(self, request):
        method, _, path = request.route.partition(" ")
        match [method, *path.strip("/").split("/")]:
            case ["POST", "task"]:
                return self.submit(request)
            case ["GET", "task", number]:
                return self.task(number)
            case ["DELETE", "task", number]:
                return self.cancel(number)
            case ["GET", "stats"]:
                return 200, self.stats()
            case [_, "task" | "stats"] | [_, "task", _]:
                raise Refused(405, "no such method here")
        raise Refused(404, "no such route")

    def submit(self, request):
        if len(request.body) > LONGEST_BODY:
            raise Refused(413, "a body has at most 64 KiB")
        wish = read(request.body, request.fields.get("idempotency-key"))
        if self.is_draining:
            raise Refused(503, "the pool is ending")
        try:
            return 202, {"id": self.pool.submit(wish)}
        except Full:
            raise Refused(429, "too many tasks wait") from None
        except Conflict:
            raise Refused(422, "another task has this Idempotency-Key") from None
        except OSError as error:
            raise Refused(503, f"the spool can't be written: {error}") from None

    def cancel(self, text):
        number = self.task(text)[1]["id"]
        try:
            pid, is_running = self.pool.cancel(number)
        except Conflict:
            raise Refused(409, "this task has ended") from None
        if worker := self.workers.get(pid):
            if is_running:
                self.recycled.add(pid)
                worker.kill()
            else:
                worker.channel.tell(forget=number)
        return self.task(text)

    def task(self, text):
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
        if str(number) != text or not 1 <= number < self.pool.next:
            raise Refused(404, "no such task")
        if number not in self.pool.tasks:
            raise Refused(410, "this task has ended, and is forgotten")
        task = self.pool.tasks[number]
        return 200, {name: value for name, value in task.items() if name not in HIDDEN}

    def stats(self):
        names = ("queued", "processing", "completed", "failed", "cancelled")
        submitted = self.pool.next - 1
        counts = {name: self.pool.count(name) for name in names}
        there = (worker for worker in self.workers.values() if worker.pid in self.pool.workers)
        workers = [self.worker(worker) for worker in there]
        forgotten = submitted - len(self.pool.tasks)
        return {"submitted": submitted, **counts, "forgotten": forgotten, "workers": workers}

    def worker(self, worker):
        task = self.pool.running(worker.pid)
        return {"worker": worker.slot, "pid": worker.pid, "task": task and task["id"]}


def read(body, key):
    try:
        wish = json.loads(body)
        kind, n, priority = wish["type"], wish["n"], wish.get("priority", 0)
        least, most, _ = KINDS[kind]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused(400, f"write a type ({', '.join(KINDS)}) and its n") from None
    if type(n) is not int or not least <= n <= most:
        raise Refused(400, f"n of {kind} is a whole number from {least} to {most}")
    if type(priority) is not int or not 0 <= priority <= 9:
        raise Refused(400, "priority is a whole number from 0 to 9")
    if key is not None and not 1 <= len(key) <= 200:
        raise Refused(400, "Idempotency-Key has 1 to 200 characters")
    return {"type": kind, "n": n, "priority": priority, "key": key}


async def primary(settings):
    return await Primary(settings).run()


if __name__ == "__main__":
    os.environ.setdefault("HOLD_DIR", f"{tempfile.gettempdir()}/holds")
    if processes.slot():
        asyncio.run(run())
    settings = Settings()
    journal = os.environ.get("JOURNAL")
    try:
        if journal:
            open(journal, "ab").close()
    except OSError:
        refuse(f"JOURNAL={journal} makes no sense: write a file that can be written")
    code = asyncio.run(primary(settings))
    sys.stdout.flush()
    os._exit(code)
