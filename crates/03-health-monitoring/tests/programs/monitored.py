"""A worker of exercise 3: the same loop that answers requests sends the heartbeats."""

import asyncio
import hashlib
import os
import threading
import time

from worker import Service


class Monitored(Service):
    def __init__(self, heartbeat):
        self.requests = self.errors = 0
        self._heartbeat = heartbeat
        self._leaked = []

    def last_word(self):
        return {"requests": self.requests, "errors": self.errors}

    async def background(self, channel):
        due = time.monotonic()
        while True:
            now = time.monotonic()
            channel.tell(**{"is": "heartbeat"}, lag=max(0.0, now - due), **self.last_word())
            due = now + self._heartbeat
            await asyncio.sleep(self._heartbeat)

    async def answer(self, request, worker):
        status = await self.respond(request, {"worker": worker.slot, "pid": os.getpid()})
        self.requests += 1
        self.errors += status >= 500

    async def respond(self, request, me):
        status = 200
        match request.route:
            case "GET /":
                pass
            case "GET /slow":
                await request.json_later(me, request.number("ms", 300) / 1000)
                return status
            case "GET /error":
                status = 500
            case "GET /leak":
                # Filled, because memory that was never written is not resident.
                self._leaked.append(b"x" * (request.number("mb", 10) * 2**20))
            case "GET /block":
                time.sleep(request.number("ms", 1000) / 1000)
            case "GET /burn":
                millis = request.number("ms", 1000)
                threading.Thread(target=burn, args=[millis / 1000], daemon=True).start()
            case _:
                status = 404
        await request.json(status, me)
        return status


def burn(seconds):
    end = time.monotonic() + seconds
    block = bytes(2**20)
    while time.monotonic() < end:
        # It lets go of the interpreter's lock, so the loop that serves goes on.
        hashlib.sha256(block).digest()
