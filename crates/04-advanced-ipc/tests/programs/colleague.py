"""What the primary has of one worker process."""

import asyncio
from collections import deque

from calls import DIED, FULL, Calls


class Colleague:
    """A worker process, the calls to it, and its messages that are not acknowledged."""

    def __init__(self, worker, settings):
        self.slot, self.pid = worker.slot, worker.pid
        self.worker = worker
        self.channel = worker.channel
        self.calls = Calls(worker.channel, settings.max_in_flight)
        self.topics = set()
        self.accepted = self.acknowledged = 0
        self.is_ready = self.is_gone = False
        self.drained = None
        self._queue_limit = settings.queue_limit
        # Messages that wait, by priority, and those that are on their way to the worker.
        self._waiting = {"high": deque(), "normal": deque()}
        self._sent = deque()
        self._wakes = asyncio.Event()
        self._sending = asyncio.create_task(self._send())

    def accept(self, sender, text, priority):
        if self.is_gone:
            return DIED
        if self.accepted - self.acknowledged >= self._queue_limit:
            return FULL
        self.accepted += 1
        message = {"sequence": self.accepted, "from": sender, "text": text, "priority": priority}
        self._waiting[priority].append(message)
        self._wakes.set()
        return {"said": {"sequence": self.accepted}}

    def has(self, number):
        """The worker has this many messages, in the order in which they were sent."""
        while self.acknowledged < number and self._sent:
            self._sent.popleft()
            self.acknowledged += 1

    def unacknowledged(self):
        return [*self._sent, *self._waiting["high"], *self._waiting["normal"]]

    def gone(self):
        """Everything that it said was heard: now its calls end."""
        self.is_gone = True
        self._sending.cancel()
        self.calls.gone()
        self.channel.close()

    async def _send(self):
        while True:
            # A message that is handed to the channel can't be passed any more. So one at a time.
            await self.channel.flush()
            lane = self._waiting["high"] or self._waiting["normal"]
            if lane:
                message = lane.popleft()
                self._sent.append(message)
                self.channel.send({"is": "message", **message})
            else:
                self._wakes.clear()
                await self._wakes.wait()
