"""A worker: it serves its routes, answers what it is asked, and keeps its messages."""

import asyncio
import os
import time
from collections import deque

import processes
from calls import Calls
from frames import Channel, in_two_halves
from http1 import Server

LONGEST_TEXT = 16 * 1024
STATUS = {"timeout": 504, "died": 502, "full": 503}
BROKEN = {"garbage": b"\0\0\0\x04tea!", "truncated": b"\0\0\0\x0ahalf ", "oversized": b"\xff" * 4}

# What the primary answers itself (`/send`) needs no worker, so it must not wait for a place of one.
TO_THE_PRIMARY = 1000


class Office:
    def __init__(self, settings):
        self.me = {"worker": processes.slot(), "pid": os.getpid()}
        self.settings = settings
        self.holding = self.served = self.told = 0
        self.messages = []
        # How long the last calls of its clients took, in milliseconds.
        self.times = deque(maxlen=256)
        self.may_leave = asyncio.Event()
        self.tasks = set()
        self.channel = self.calls = self.server = None

    async def run(self):
        listener, self.channel = await processes.inherited(Channel)
        to_workers = self.settings.max_in_flight * self.settings.workers
        self.calls = Calls(self.channel, to_workers + TO_THE_PRIMARY)
        self.server = Server(listener, self.respond)
        self.channel.send({"is": "ready"})
        # Without its primary a worker ends: no process would start its successor.
        while message := await self.channel.hear():
            self.hear(message)

    def hear(self, message):
        match message["is"]:
            case "question":
                self.holding += 1
                self.spawn(self.answer(message))
            case "reply":
                self.calls.answered(message["id"], message["outcome"])
            case "message":
                self.keep(message)
                self.told += 1
                self.channel.send({"is": "acknowledged", "number": self.told})
            case "drain":
                self.spawn(self.drain(message["timeout"]))
            case "leave":
                self.may_leave.set()

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def keep(self, message):
        self.messages.append({"from": message["from"], "text": message["text"]})

    async def drain(self, timeout):
        self.calls.end_by(asyncio.get_running_loop().time() + timeout / 2)
        cut = await self.server.drain(timeout, self.settings.lame_duck)
        self.channel.send({"is": "drained", "answered": self.server.answered, "cut": cut})
        # Others may still ask this worker.
        await self.may_leave.wait()
        await self.channel.flush()
        os._exit(0)

    async def answer(self, question):
        fault = question.get("fault", "")
        is_on_time = fault not in ("late", "twice", "split")
        try:
            # An answer after the deadline is useless.
            async with asyncio.timeout(question["within"] if is_on_time else None):
                await self.reply(question, fault)
        except TimeoutError:
            pass
        finally:
            self.holding -= 1

    async def reply(self, question, fault):
        said = dict(self.me)
        match question["what"]:
            case "echo":
                await asyncio.sleep(question["after"])
                said["text"] = question["text"]
            case "requests":
                said |= {"requests": self.served, "times": list(self.times)}
            case "keep":
                self.keep(question)
        message = {"is": "reply", "id": question["id"], "outcome": {"said": said}}
        if fault == "never":
            await asyncio.Event().wait()
        if fault == "split":
            self.channel.send_raw(in_two_halves(message))
            return
        self.channel.send(message)
        if fault == "twice":
            await asyncio.sleep(0.5)
            self.channel.send(message)
        elif fault == "last-word":
            await self.channel.flush()
            os._exit(0)

    async def respond(self, request):
        body = request.body
        text = body.decode(errors="replace") if body else request.word("text")
        within = request.number("timeout_ms", round(self.settings.request_timeout * 1000)) / 1000
        # A day is later than any call ends.
        within = min(within, 86_400)
        method, _, path = request.route.partition(" ")
        if len(body or text.encode(errors="replace")) > LONGEST_TEXT:
            return await request.json(413, {"error": "a text has at most 16 KiB"})
        match [method, *path.strip("/").split("/")]:
            case ["GET", ""]:
                self.served += 1
                await request.json(200, {**self.me, "holding": self.holding})
            case ["GET", "messages"]:
                await request.json(200, {"messages": self.messages})
            case ["GET", "stats"]:
                await self.stats(request, within)
            case ["GET" | "POST", "broadcast"]:
                await self.broadcast(request, text, within)
            case ["GET" | "POST", ("ask" | "send") as route, slot]:
                await self.to_one(request, route, slot, text, within)
            case ["GET" | "POST", ("subscribe" | "publish") as route, topic] if topic:
                await self.about_topic(request, route, topic, text, within)
            case ["POST", "fault"] if request.word("kind") in BROKEN:
                await self.misbehave(request)
            case _:
                await request.json(404, {"error": "no such route"})

    async def to_one(self, request, route, slot, text, within):
        if not (slot.isascii() and slot.isdigit() and 1 <= int(slot) <= self.settings.workers):
            return await request.json(404, {"error": "no such worker"})
        if route == "ask":
            after = request.number("ms", 0) / 1000
            question = {"what": "echo", "after": after, "fault": request.word("fault")}
        else:
            priority = "high" if request.word("priority") == "high" else "normal"
            question = {"what": "accept", "priority": priority}
        began = time.monotonic()
        outcome = await self.call(int(slot), within, text=text, **question)
        why = outcome.get("failed")
        # A call that was refused took no time.
        if route == "ask" and why != "full":
            self.times.append(round((time.monotonic() - began) * 1000))
        if why:
            return await self.fail(request, why)
        if route == "send":
            return await request.json(202, outcome["said"])
        await request.json(200, {**self.me, "answer": outcome["said"]})

    async def fail(self, request, why):
        fields = {"Retry_After": 1} if why == "full" else {}
        await request.json(STATUS[why], {"error": why}, **fields)

    async def about_topic(self, request, route, topic, text, within):
        deadline = time.monotonic() + within
        what = "subscribe" if route == "subscribe" else "subscribers"
        # The primary answers, whichever worker is asked.
        outcome = await self.call(self.me["worker"], within, what=what, topic=topic)
        if why := outcome.get("failed"):
            return await self.fail(request, why)
        if route == "subscribe":
            return await request.json(200, {**self.me, "topic": topic})
        slots, left = outcome["said"]["slots"], deadline - time.monotonic()
        said, missing = await self.gather(left, slots, what="keep", text=text)
        await request.json(200, {"acknowledged": list(said), "missing": missing})

    def call(self, slot, within, **question):
        question |= {"from": self.me["worker"], "to": slot}
        return self.calls.call(question, within)

    def slots(self):
        return range(1, self.settings.workers + 1)

    async def gather(self, within, slots, **question):
        """What these workers say, by slot, and which of them are missing."""
        outcomes = await asyncio.gather(*(self.call(slot, within, **question) for slot in slots))
        said = {slot: it["said"] for slot, it in zip(slots, outcomes) if "said" in it}
        missing = [(slot, it["failed"]) for slot, it in zip(slots, outcomes) if "failed" in it]
        return said, [{"worker": slot, "why": why} for slot, why in missing]

    async def stats(self, request, within):
        said, missing = await self.gather(within, self.slots(), what="requests")
        workers = list(said.values())
        times = sorted(millis for worker in workers for millis in worker.pop("times"))
        stats = {"requests": sum(worker["requests"] for worker in workers), "workers": workers}
        percentiles = {f"p{percent}_ms": percentile(times, percent) for percent in (50, 99)}
        await request.json(200, {**stats, "missing": missing, **percentiles})

    async def broadcast(self, request, text, within):
        said, missing = await self.gather(within, self.slots(), what="keep", text=text)
        await request.json(200, {"acknowledged": list(said), "missing": missing})

    async def misbehave(self, request):
        kind = request.word("kind")
        await request.json(202, self.me)
        self.channel.send_raw([(BROKEN[kind], 0)])
        if kind == "truncated":
            await self.channel.flush()
            self.channel.close_own_end()


def percentile(times, percent):
    """The nearest rank; None without calls."""
    return times[-(-len(times) * percent // 100) - 1] if times else None


def run_worker(settings):
    async def run():
        await Office(settings).run()

    asyncio.run(run())
    # Not `sys.exit`: that would wait for whatever still runs.
    os._exit(1)
