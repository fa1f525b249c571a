"""The primary: it keeps a worker in each slot, and passes on what they tell each other."""

import asyncio
import contextlib
import signal
import time

import processes
from calls import DIED
from colleague import Colleague
from frames import Channel
from settings import report
from workers import ESCALATION, Slot


class Exchange:
    def __init__(self, settings):
        self.settings = settings
        self.listener = processes.listen(settings.port)
        # For each slot that isn't empty its worker, which may be about to start.
        self.colleagues = {}
        # By slot: what the last worker there had not acknowledged.
        self.leftovers = {}
        self.tasks = set()
        self.told_to_stop = asyncio.Event()
        self.began = None
        self.is_forced = self.has_lost = False
        self.answered = self.cut = 0

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop, number)
        address, port = self.listener.getsockname()
        report("listening", address=f"{address}:{port}")
        slots = range(1, self.settings.workers + 1)
        keepers = [asyncio.create_task(self.keep(slot)) for slot in slots]
        await self.told_to_stop.wait()
        await asyncio.gather(*keepers)
        return self.sum_up()

    async def keep(self, number):
        """Keeps a worker in a slot, until the drain begins."""
        slot = Slot(number, self.settings.restart_delay, self.settings.restart_delay_max)
        while not self.told_to_stop.is_set():
            begun = Life()
            self.colleagues[number] = asyncio.get_running_loop().create_future()
            await self.live(number, begun)
            del self.colleagues[number]
            if self.told_to_stop.is_set():
                return
            slot.count_death(begun, time.monotonic())
            pause = slot.retry_at - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.told_to_stop.wait(), max(pause, 0))

    async def live(self, number, life):
        """One worker, from its start to its end."""
        coming = self.colleagues[number]
        try:
            worker = await processes.start(
                self.settings.program, number, self.listener, kind=Channel
            )
        except OSError:
            # It can be tried again: a start that fails is a death like any other.
            coming.set_result(None)
            return await asyncio.sleep(0.2)
        colleague = Colleague(worker, self.settings)
        for left in self.leftovers.pop(number, ()):
            colleague.accept(left["from"], left["text"], left["priority"])
        coming.set_result(colleague)
        report("worker-started", worker=number, pid=worker.pid)
        if self.told_to_stop.is_set():
            self.drain(colleague)
        limit = asyncio.get_running_loop().call_later(
            self.settings.ready_timeout, lambda: colleague.is_ready or worker.kill()
        )
        while message := await colleague.channel.hear():
            if message["is"] == "ready":
                colleague.is_ready, life.ready_at = True, time.monotonic()
                report("worker-ready", worker=number, pid=worker.pid)
            else:
                self.hear(colleague, message)
        # Everything that it said was heard: now its calls end.
        limit.cancel()
        colleague.gone()
        if self.settings.redeliver:
            self.leftovers[number] = colleague.unacknowledged()
        # It has closed its channel, or sent bytes that aren't a frame. It may live on.
        if not colleague.drained:
            worker.kill()
        report("worker-exited", worker=number, pid=worker.pid, exit=await worker.exit())
        if self.told_to_stop.is_set():
            self.count(colleague)

    def hear(self, colleague, message):
        match message["is"]:
            case "question":
                task = asyncio.create_task(self.pass_on(colleague, message))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case "reply":
                colleague.calls.answered(message["id"], message["outcome"])
            case "acknowledged":
                colleague.has(message["number"])
            case "drained":
                colleague.drained = message
                self.leave_if_all_are_drained()

    async def pass_on(self, asker, question):
        number = question.pop("id")
        outcome = self.topic(asker, question) or await self.ask(question)
        asker.channel.send({"is": "reply", "id": number, "outcome": outcome})

    async def ask(self, question):
        coming = self.colleagues.get(question["to"])
        # A worker whose process is being started can be asked in a moment.
        colleague = coming and await asyncio.shield(coming)
        if not colleague:
            return DIED
        if question["what"] == "accept":
            return colleague.accept(question["from"], question["text"], question["priority"])
        return await colleague.calls.call(question, question.pop("within"))

    def topic(self, asker, question):
        """The answer to a question about a topic; None for any other question."""
        match question["what"]:
            case "subscribe":
                asker.topics.add(question["topic"])
                return {"said": {}}
            case "subscribers":
                there = [one for one in self.there() if not one.is_gone]
                slots = [one.slot for one in there if question["topic"] in one.topics]
                return {"said": {"slots": slots}}

    def there(self):
        """Those whose process has been started and is not reaped yet."""
        coming = [one for one in self.colleagues.values() if one.done()]
        return [one.result() for one in coming if one.result()]

    def stop(self, number):
        if self.told_to_stop.is_set():
            self.is_forced = True
            report("shutdown-forced", reason="a second signal")
            return self.kill_all()
        self.began = time.monotonic()
        timeout = self.settings.drain_timeout
        report("shutdown-started", signal=number.name, timeout_ms=round(timeout * 1000))
        self.told_to_stop.set()
        # While any process holds it, the kernel goes on completing handshakes.
        self.listener.close()
        for colleague in self.there():
            self.drain(colleague)
        # A stopped worker can't keep its own deadline.
        asyncio.get_running_loop().call_later(timeout + ESCALATION, self.kill_all)

    def drain(self, colleague):
        colleague.channel.send({"is": "drain", "timeout": self.settings.drain_timeout})

    def leave_if_all_are_drained(self):
        living = [one for one in self.there() if not one.is_gone]
        if all(one.drained for one in living):
            for colleague in living:
                colleague.channel.send({"is": "leave"})

    def kill_all(self):
        for colleague in self.there():
            colleague.worker.kill()

    def count(self, colleague):
        if colleague.drained:
            self.answered += colleague.drained["answered"]
            self.cut += colleague.drained["cut"]
        else:
            # A worker that never served had no request that could be lost.
            self.has_lost |= colleague.is_ready
        self.leave_if_all_are_drained()

    def sum_up(self):
        is_clean = self.cut == 0 and not self.has_lost
        outcome = "forced" if self.is_forced else "drained" if is_clean else "cut"
        millis = int((time.monotonic() - self.began) * 1000)
        counts = {"drained": self.answered, "cut": self.cut, "millis": millis}
        report("shutdown-complete", outcome=outcome, **counts)
        return 0 if outcome == "drained" else 1


class Life:
    """What a slot's streak must know of a worker."""

    version = None
    ready_at = None
