"""One alert for each change, on stdout and at a webhook that stops nothing."""

import asyncio
import json
from urllib.parse import urlsplit

from settings import refuse, report

POST_LIMIT = 2.0
# The primary does not remember more than these for a receiver that is away.
LONGEST_QUEUE = 1000


class ActiveAlerts:
    """What is wrong with a slot at the moment: a level for each condition."""

    def __init__(self, slot, webhook):
        self._slot = slot
        self._webhook = webhook
        self._levels = {}

    def raise_(self, level, condition, pid, text):
        # What is critical stays so until the slot is well again.
        if self._levels.get(condition) not in (level, "critical"):
            self._levels[condition] = level
            self._send(level, condition, pid, text)

    def calm(self, condition, pid):
        """A condition that was not critical is over."""
        if self._levels.get(condition) == "warning":
            self._resolve(condition, pid)

    def resolve_all(self, pid):
        """A new worker is ready in this slot."""
        for condition in list(self._levels):
            self._resolve(condition, pid)

    def _resolve(self, condition, pid):
        del self._levels[condition]
        self._send("resolved", condition, pid, "over")

    def _send(self, level, condition, pid, text):
        alert = {"worker": self._slot, "pid": pid, "level": level, "condition": condition}
        alert["text"] = text
        report("alert", **alert)
        self._webhook.post(alert)


class Webhook:
    """Alerts go out one after the other, because a receiver needs them in their order."""

    def __init__(self, url):
        self._url = url and _checked(url)
        self._queue = asyncio.Queue(LONGEST_QUEUE)

    def post(self, alert):
        if self._url and not self._queue.full():
            self._queue.put_nowait(alert)

    async def deliver(self):
        while True:
            alert = await self._queue.get()
            try:
                await asyncio.wait_for(self._post(json.dumps(alert).encode()), POST_LIMIT)
            except (OSError, TimeoutError):
                pass  # Dropped: there is no other channel to report it on.

    async def _post(self, body):
        url = self._url
        reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
        try:
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            lines = [
                f"POST {target} HTTP/1.1",
                f"Host: {url.netloc}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Connection: close",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await reader.readline()
        finally:
            writer.transport.abort()


def _checked(text):
    try:
        url = urlsplit(text)
        is_fine = url.scheme == "http" and url.hostname and "@" not in url.netloc
        is_fine = is_fine and url.port != 0 and text.isascii() and text.isprintable()
    except ValueError:
        is_fine = False
    if not is_fine:
        refuse(f"ALERT_URL={text} makes no sense: write one like http://127.0.0.1:9000/alerts")
    return url
