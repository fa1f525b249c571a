"""Exercise 1 in Python: a primary and its workers, which lose nothing when they are told to stop.

    cargo xtask check 1 --program "python3 crates/01-graceful-shutdown/tests/programs/server.py"
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time

import processes
from http1 import Server
from settings import number, refuse, report, seconds

# How long the primary waits for a worker beyond the worker's own deadline.
ESCALATION = 2.0
# A worker that dies before it serves will probably do so again.
PAUSE = 0.2

PORT = number("PORT", 8000, most=65535)
WORKERS = number("WORKERS", 2, least=1, most=64)
DRAIN_TIMEOUT = seconds("DRAIN_TIMEOUT_MS", 10_000)
DRAIN_TIMEOUT_SIGINT = seconds("DRAIN_TIMEOUT_SIGINT_MS", DRAIN_TIMEOUT * 1000)
LAME_DUCK = seconds("LAME_DUCK_MS", 300)
JOURNAL = os.environ.get("JOURNAL", os.path.join(tempfile.gettempdir(), "journal.log"))


class Primary:
    def __init__(self):
        self.listener = processes.listen(PORT)
        self.workers = set()
        self.told_to_stop = asyncio.Event()
        self.began = None
        self.timeout = DRAIN_TIMEOUT
        self.is_forced = False
        self.drained = self.cut = 0
        self.has_lost = False

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop, number)
        address, port = self.listener.getsockname()
        report("listening", address=f"{address}:{port}")
        slots = [asyncio.create_task(self.keep(slot)) for slot in range(1, WORKERS + 1)]
        await self.told_to_stop.wait()
        await asyncio.gather(*slots)
        return self.sum_up()

    def stop(self, number):
        if self.told_to_stop.is_set():
            self.is_forced = True
            report("shutdown-forced", reason="a second signal")
            return self.kill_all()
        if number == signal.SIGINT:
            self.timeout = DRAIN_TIMEOUT_SIGINT
        self.began = time.monotonic()
        report("shutdown-started", signal=number.name, timeout_ms=round(self.timeout * 1000))
        self.told_to_stop.set()
        # While any process holds it, the kernel goes on completing handshakes.
        self.listener.close()
        for worker in self.workers:
            worker.channel.tell(drain=self.timeout)
        # A stopped worker can't keep its own deadline.
        asyncio.get_running_loop().call_later(self.timeout + ESCALATION, self.kill_all)

    def kill_all(self):
        for worker in self.workers:
            worker.kill()

    async def keep(self, slot):
        """Keeps a worker in `slot`, until the drain begins."""
        while not self.told_to_stop.is_set():
            worker = await processes.start(__file__, slot, self.listener)
            has_served = await self.look_after(worker)
            if not has_served and not self.told_to_stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.told_to_stop.wait(), PAUSE)

    async def look_after(self, worker):
        """Hears one worker until its end; whether it has served."""
        self.workers.add(worker)
        report("worker-started", worker=worker.slot, pid=worker.pid)
        if self.told_to_stop.is_set():
            worker.channel.tell(drain=self.timeout)
        is_ready, drained = False, None
        while message := await worker.channel.hear():
            if message["is"] == "ready":
                is_ready = True
                report("worker-ready", worker=worker.slot, pid=worker.pid)
            else:
                drained = message
        report("worker-exited", worker=worker.slot, pid=worker.pid, exit=await worker.exit())
        self.workers.discard(worker)
        if self.told_to_stop.is_set():
            self.count(is_ready, drained)
        return is_ready

    def count(self, is_ready, drained):
        if drained:
            self.drained += drained["answered"]
            self.cut += drained["cut"]
            self.has_lost |= drained["is_lossy"]
        else:
            # A worker that never served had no request that could be lost.
            self.has_lost |= is_ready

    def sum_up(self):
        is_clean = self.cut == 0 and not self.has_lost
        outcome = "forced" if self.is_forced else "drained" if is_clean else "cut"
        millis = int((time.monotonic() - self.began) * 1000)
        counts = {"drained": self.drained, "cut": self.cut, "millis": millis}
        report("shutdown-complete", outcome=outcome, **counts)
        return 0 if outcome == "drained" else 1


class Journal:
    """Acknowledges a line when it is in memory, and writes all of them at the end."""

    def __init__(self):
        self.lines = []

    def append(self, text):
        self.lines.append(" ".join(text.splitlines()) + "\n")

    def write(self):
        if not self.lines:
            return
        # One write, at the end of the file: other workers write to it, too.
        with open(JOURNAL, "ab", buffering=0) as file:
            file.write("".join(self.lines).encode())
            os.fsync(file.fileno())
        self.lines = []


async def work(slot):
    listener, channel = await processes.inherited()
    journal = Journal()
    server = Server(listener, lambda request: answer(request, slot, journal, server))
    channel.tell(**{"is": "ready"})
    order = await channel.hear()
    if order is None:
        return 1  # The primary is gone, and would start no successor of this worker.
    cut = asyncio.create_task(server.drain(order["drain"], LAME_DUCK))
    primary_ends = asyncio.create_task(channel.hear())
    await asyncio.wait([cut, primary_ends], return_when=asyncio.FIRST_COMPLETED)
    if not cut.done():
        return 1
    is_lossy = False
    try:
        # After the last request, however that ended: each of them could add a line.
        journal.write()
        report("cleaned-up", worker=slot, resource="journal", detail="written")
    except OSError as error:
        is_lossy = True
        report("cleaned-up", worker=slot, resource="journal", detail=f"failed: {error}")
    drained = {"is": "drained", "answered": server.answered, "cut": cut.result()}
    channel.tell(**drained, is_lossy=is_lossy)
    await channel.flush()
    return 0


async def answer(request, slot, journal, server):
    me = {"worker": slot, "pid": os.getpid()}
    match request.route:
        case "GET /":
            await asyncio.sleep(request.number("ms", 1000) / 1000)
            await request.json(200, me)
        case "GET /fast":
            await request.json(200, me)
        case "GET /slow":
            await request.json_later(me, request.number("ms", 5000) / 1000)
        case "GET /download":
            await download(request, request.number("mb", 32))
        case "GET /health":
            await request.json(503 if server.is_draining else 200, me)
        case "POST /journal":
            await asyncio.sleep(request.number("ms", 0) / 1000)
            journal.append(request.body.decode(errors="replace"))
            await request.json(200, me)
        case _:
            await request.json(404, me)


async def download(request, mb):
    piece = b"x" * 2**20
    await request.head(200, mb * len(piece), "application/octet-stream")
    for _ in range(mb):
        await request.send(piece)


def main():
    if slot := processes.slot():
        code = asyncio.run(work(slot))
        # Not `sys.exit`: that would wait for whatever still runs.
        os._exit(code)
    try:
        open(JOURNAL, "ab").close()
    except OSError as error:
        refuse(f"JOURNAL={JOURNAL} can't be written ({error.strerror}): name another file")
    sys.exit(asyncio.run(Primary().run()))


if __name__ == "__main__":
    main()
