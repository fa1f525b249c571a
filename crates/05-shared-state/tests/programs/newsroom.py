"""The primary's side of news, and its word that there are none."""

import asyncio


class Newsroom:
    def __init__(self, ack_timeout):
        self._ack_timeout = ack_timeout
        self._last = 0
        # By the number of the news: the workers that have not acknowledged it.
        self._open = {}
        self._tasks = set()

    def heard(self, workers, worker, message):
        """Whether `message` was about news. What is told to one worker arrives in this order, so a
        word never passes news."""
        match message["is"]:
            case "word":
                worker.tell(answer=message["id"])
            case "tell-all":
                task = asyncio.create_task(self._tell_all(workers, worker, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case "acknowledged":
                if message["number"] in self._open:
                    self._open[message["number"]].has(worker, True)
            case _:
                return False
        return True

    def gone(self, worker):
        for telling in self._open.values():
            telling.has(worker, False)

    async def _tell_all(self, workers, asker, message):
        self._last += 1
        number, telling = self._last, Telling(workers)
        self._open[number] = telling
        for worker in list(workers):
            worker.tell(news=message["key"], number=number)
        try:
            await asyncio.wait_for(telling.is_over.wait(), self._ack_timeout)
        except TimeoutError:
            pass
        del self._open[number]
        asker.tell(answer=message["id"], acknowledged=sorted(telling.acknowledged))


class Telling:
    """News that some workers have not acknowledged."""

    def __init__(self, workers):
        self._waiting = set(workers)
        self.acknowledged = []
        self.is_over = asyncio.Event()

    def has(self, worker, has_acknowledged):
        if worker in self._waiting:
            self._waiting.remove(worker)
            if has_acknowledged:
                self.acknowledged.append(worker.slot)
        if not self._waiting:
            self.is_over.set()
