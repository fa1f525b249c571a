"""Calls over a channel: each ends exactly once, by its deadline."""

import asyncio

TIMEOUT, DIED, FULL = ({"failed": why} for why in ("timeout", "died", "full"))


class Calls:
    """The calls that were made over one channel. An id is never given out twice."""

    def __init__(self, channel, limit):
        self._channel = channel
        self._limit = limit
        self._next = 0
        self._open = {}
        self._limits = set()
        self._is_gone = False
        self._latest = float("inf")

    async def call(self, question, within):
        """What became of `question`: the peer's outcome, or why there is none."""
        if self._is_gone:
            return DIED
        if len(self._open) >= self._limit:
            return FULL
        loop = asyncio.get_running_loop()
        self._next += 1
        number, outcome = self._next, loop.create_future()
        self._open[number] = outcome
        deadline = min(loop.time() + within, self._latest)
        message = {"is": "question", "id": number, "within": deadline - loop.time(), **question}
        key = self._channel.send(message)
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                self._limits.add(limit)
                return await outcome
        except TimeoutError:
            return TIMEOUT
        finally:
            # Also when it is cancelled. A question that has not been sent yet is never sent.
            self._channel.take_back(key)
            self._limits.discard(limit)
            self._open.pop(number, None)

    def answered(self, number, outcome):
        """An answer to a call that isn't open changes nothing."""
        future = self._open.pop(number, None)
        if future and not future.done():
            future.set_result(outcome)

    def gone(self):
        """The peer is dead, and everything that it said was heard."""
        self._is_gone = True
        for number in list(self._open):
            self.answered(number, DIED)

    def end_by(self, moment):
        """From now on no call waits any longer than that."""
        self._latest = moment
        for limit in self._limits:
            limit.reschedule(min(limit.when(), moment))
