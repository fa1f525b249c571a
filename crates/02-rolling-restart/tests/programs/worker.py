"""A worker: it answers requests, and drains when its primary says so."""

import asyncio
import os
import time

import processes
from faults import FaultOf
from http1 import Server


class Service:
    """What a chapter's worker does. A worker is `slot`, `version`, and ready since `ready_at`."""

    async def answer(self, request, worker):
        raise NotImplementedError

    def on_order(self, order):
        """An order that isn't about draining."""

    async def background(self, channel):
        """Runs beside the server, until the worker ends."""

    def last_word(self):
        """Told to the primary with the end of the drain."""
        return {}


class Worker:
    def __init__(self, service, lame_duck):
        self.slot = processes.slot()
        self.version = os.environ["VERSION"]
        self.ready_at = None
        self._service = service
        self._lame_duck = lame_duck
        self._server = None

    async def run(self):
        listener, channel = await processes.inherited()
        start = asyncio.create_task(self._start(listener, channel))
        try:
            await self._obey(channel)
        finally:
            start.cancel()

    async def _start(self, listener, channel):
        fault = FaultOf(self.version, self.slot)
        await fault.start()
        self.ready_at = time.monotonic()
        self._server = Server(listener, lambda request: self._service.answer(request, self))
        channel.tell(**{"is": "ready"})
        fault.after_ready()
        await self._service.background(channel)

    async def _obey(self, channel):
        drain = None
        # Without its primary a worker ends: no process would start its successor.
        while order := await channel.hear():
            if "drain" not in order:
                self._service.on_order(order)
            elif drain is None:
                drain = asyncio.create_task(self._drain(channel, order["drain"]))

    async def _drain(self, channel, timeout):
        cut, answered = 0, 0
        if self._server:
            cut = await self._server.drain(timeout, self._lame_duck)
            answered = self._server.answered
        last_word = self._service.last_word()
        channel.tell(**{"is": "drained"}, answered=answered, cut=cut, **last_word)
        await channel.flush()
        os._exit(0)


def run_worker(service, lame_duck):
    asyncio.run(Worker(service, lame_duck).run())
    # Not `sys.exit`: that would wait for whatever still runs.
    os._exit(1)
