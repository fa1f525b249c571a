"""A worker of either kind: it answers, or chooses which version answers and passes the request on."""

import asyncio
import hashlib
import json
import os
import re
import socket
import time

import processes
from answer_faults import AnswerFault
from worker import Service, Worker

NAME = re.compile(r"(?:^|;)\s*client=([A-Za-z0-9_-]{1,64})\s*(?:;|$)")
BATCH = 64
PAUSE = 0.01


class Broken(Exception):
    """The candidate gave no answer, or no end of it."""


def address(pid):
    return f"\0canary-{pid}"


def choose(split, client, nth):
    if client is None:
        return nth * split["share"] // 100 > (nth - 1) * split["share"] // 100
    digest = hashlib.sha256(f"{split['deploy']}/{client}".encode()).digest()
    return int.from_bytes(digest[:8]) % 10_000 < 100 * split["share"]


class Versioned(Service):
    """What both kinds do: answer."""

    def __init__(self):
        self.fault = None

    async def answer(self, request, worker):
        if request.route not in ("GET /", "GET /slow"):
            return await request.json(404, {"error": "no such route"})
        await self.versioned(request, worker)

    async def versioned(self, request, worker):
        await self.own(request, worker)

    async def own(self, request, worker):
        """Returns whether that was an error."""
        self.fault = self.fault or AnswerFault(worker.version, worker.slot)
        says = {"worker": worker.slot, "pid": os.getpid(), "version": worker.version}
        if await self.fault.is_error():
            await request.json(500, says | {"error": "a fault"})
            return True
        if request.route == "GET /slow":
            await request.json_later(says, request.number("ms", 300) / 1000)
        else:
            await request.json(200, says)
        return False


class Stable(Versioned):
    def __init__(self, answer_timeout):
        super().__init__()
        self.answer_timeout = answer_timeout
        self.split = None
        self.is_told = asyncio.Event()
        self.turns = 0
        self.channel = None
        self.counted = asyncio.Queue()

    def on_order(self, order):
        self.split, self.turns = order["split"], 0
        self.is_told.set()
        self.channel.tell(**{"is": "heard"}, id=order["id"])

    async def answer(self, request, worker):
        if request.route == "GET /events":
            return await request.stream("text/event-stream", self.events(request, worker))
        await super().answer(request, worker)

    async def events(self, request, worker):
        number = int(request.fields.get("last-event-id", 0))
        says = {"worker": worker.slot, "pid": os.getpid(), "version": worker.version}
        says = json.dumps(says, separators=(",", ":"))
        while not request.is_draining:
            await asyncio.sleep(request.number("ms", 200) / 1000)
            number += 1
            yield f"id: {number}\ndata: {says}\n\n".encode()
        yield b"retry: 0\n\n"

    async def versioned(self, request, worker):
        await self.is_told.wait()
        split = self.split
        found = NAME.search(request.fields.get("cookie", ""))
        client = found and found[1]
        self.turns += client is None
        is_own = split["candidate"] == worker.version or not split["pids"]
        began = time.monotonic()

        def count(new, bad):
            took = time.monotonic() - began
            answer = {"step": split["step"], "new": new, "bad": bad, "took": took, "client": client}
            self.counted.put_nowait(answer)

        if is_own or not choose(split, client, self.turns):
            count(split["candidate"] == worker.version, await self.own(request, worker))
            return
        pid = split["pids"][int(began * 1e6) % len(split["pids"])]
        try:
            head = await asyncio.wait_for(self.ask(pid, request), self.answer_timeout)
        except (OSError, EOFError, ValueError, TimeoutError):
            count(True, True)
            await self.own(request, worker)
            return
        try:
            status = await self.pass_on(request, *head)
        except Broken:
            count(True, True)
            # The client is cut off as well.
            raise OSError("the candidate broke off") from None
        count(True, status >= 500)

    async def ask(self, pid, request):
        reader, writer = await asyncio.open_unix_connection(address(pid))
        target = request.route.split(" ")[1] + f"?ms={request.number('ms', 300)}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: candidate\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(re.search(r"(?i)content-length: (\d+)", head)[1])
        return int(head.split(" ")[1]), length, reader, writer

    async def pass_on(self, request, status, length, reader, writer):
        try:
            await request.head(status, length, "application/json")
            while length:
                try:
                    piece = await reader.read(length)
                except OSError:
                    piece = b""
                if not piece:
                    raise Broken
                await request.send(piece)
                length -= len(piece)
        finally:
            writer.close()
        return status

    async def background(self, channel):
        while True:
            batch = [await self.counted.get()]
            await asyncio.sleep(PAUSE)
            while len(batch) < BATCH and not self.counted.empty():
                batch.append(self.counted.get_nowait())
            channel.tell(**{"is": "answers"}, batch=batch)


class DeployWorker(Worker):
    """A worker of exercise 2 whose orders need its channel, and which may have a socket of its own."""

    def __init__(self, service, lame_duck, is_candidate):
        super().__init__(service, lame_duck)
        self.is_candidate = is_candidate

    async def _start(self, listener, channel):
        self._service.channel = channel
        if self.is_candidate:
            listener.close()
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address(os.getpid()))
            listener.listen(1024)
            listener.setblocking(False)
        await super()._start(listener, channel)


def run_worker(settings):
    is_candidate = processes.slot() > settings.workers

    async def run():
        service = Versioned() if is_candidate else Stable(settings.answer_timeout)
        await DeployWorker(service, settings.lame_duck, is_candidate).run()

    asyncio.run(run())
    # Not `sys.exit`: that would wait for whatever still runs.
    os._exit(1)
