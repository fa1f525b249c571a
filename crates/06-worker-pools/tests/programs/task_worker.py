"""A worker: one task at a time, on a thread beside the loop that hears the primary."""

import asyncio
import hashlib
import json
import os
import signal
import threading
import time
from collections import deque

import processes


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def is_prime(n):
    if n < 4:
        return n > 1
    return n % 2 == 1 and all(n % odd for odd in range(3, int(n**0.5) + 2, 2) if odd * odd <= n)


def rounds(n):
    digest = bytes(32)
    for _ in range(n):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


def hold(n):
    file = os.path.join(os.environ["HOLD_DIR"], str(n))
    while not os.path.exists(file):
        time.sleep(0.005)
    return n


def spin(_):
    while True:
        pass


def crash(_):
    os.kill(os.getpid(), signal.SIGKILL)


KINDS = {
    "fibonacci": (0, 40, fibonacci),
    "prime": (0, 2**53 - 1, is_prime),
    "hash": (1, 1_000_000, rounds),
    "hold": (0, 2**53 - 1, hold),
    "spin": (0, 2**53 - 1, spin),
    "crash": (0, 2**53 - 1, crash),
}


class Worker:
    def __init__(self, channel):
        self.channel = channel
        self.held = deque()
        self.running = None
        self.is_draining = False
        path = os.environ.get("JOURNAL")
        self.journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) if path else None

    def note(self, did):
        line = {"task": self.running["id"], "attempt": self.running["attempt"]}
        line |= {"pid": os.getpid(), "did": did}
        if self.journal is not None:
            os.write(self.journal, json.dumps(line).encode() + b"\n")

    def start_next(self):
        # A task that was called off already must not start, so what the primary has said is heard first.
        if self.running or not self.held or not self.channel.is_silent():
            return
        self.running = self.held.popleft()
        # Before it can do any harm. The kernel has the message when this returns, unless it is full.
        self.channel.tell(**{"is": "started"}, id=self.running["id"])
        self.note("started")
        loop = asyncio.get_running_loop()
        threading.Thread(target=self.work, args=(loop,), daemon=True).start()

    def work(self, loop):
        result = KINDS[self.running["type"]][2](self.running["n"])
        loop.call_soon_threadsafe(self.finish, result)

    def finish(self, result):
        self.note("finished")
        self.channel.tell(**{"is": "finished"}, id=self.running["id"], result=result)
        self.running = None
        self.start_next()
        self.leave_if_done()

    def leave_if_done(self):
        if self.is_draining and not self.running:
            os._exit(0)

    def forget(self, number):
        self.held = deque(order for order in self.held if order["id"] != number)
        if self.running and self.running["id"] == number:
            os._exit(1)

    def drain(self, limit):
        self.is_draining = True
        # What was not started stays in the spool.
        self.held.clear()
        asyncio.get_running_loop().call_later(limit, os._exit, 3)
        self.leave_if_done()


async def run():
    listener, channel = await processes.inherited()
    listener.close()
    worker = Worker(channel)
    channel.tell(**{"is": "ready"})
    while order := await channel.hear():
        if "drain" in order:
            worker.drain(order["drain"])
        elif "forget" in order:
            worker.forget(order["forget"])
        else:
            worker.held.append(order)
        worker.start_next()
    # The primary is gone.
    os._exit(1)
