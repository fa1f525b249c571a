"""The pages of one worker, and the origin that renders them."""

import asyncio
import os
import time
from urllib.parse import urlsplit


class OriginFails(Exception):
    """It is down, or does not answer with 200."""


class Origin:
    def __init__(self, url):
        self._url = urlsplit(url)

    async def ask(self, path, query, body):
        if not self._url.netloc:
            await asyncio.sleep(0.05)
            return body
        try:
            async with asyncio.timeout(120):
                return await self._post(f"{path}?pid={os.getpid()}{query}", body.encode())
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            raise OriginFails from error

    async def _post(self, target, body):
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port or 80)
        try:
            head = f"POST {target} HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
            head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ")[1])
            rest = await reader.read()
        finally:
            writer.close()
        if status != 200:
            raise OSError(status)
        return rest.decode(errors="replace")


class Entry:
    page = None
    began = 0.0
    load = None


class Pages:
    """`read(key)` returns the value and its version, `render(key, value, version)` what the origin says."""

    def __init__(self, read, render, ttl):
        self._read = read
        self._render = render
        self._ttl = ttl
        self._entries = {}

    def forget(self, key):
        self._entries.pop(key, None)

    async def page(self, key, has_word):
        if not has_word:
            # It may have been frozen while the value changed, and has not heard of that.
            return await self._load(key)
        entry = self._entries.setdefault(key, Entry())
        if entry.page and time.monotonic() - entry.began < self._ttl:
            return entry.page
        if not entry.load:
            entry.load = asyncio.create_task(self._load_into(entry, key))
        try:
            return await asyncio.shield(entry.load)
        except OriginFails:
            # `forget` makes a new entry, so this one has only what it had.
            if entry.page and self._entries.get(key) is entry:
                return entry.page
            raise

    async def _load_into(self, entry, key):
        """If the value changes meanwhile, no request finds this entry any more."""
        began = time.monotonic()
        try:
            entry.page = await self._load(key)
            entry.began = began
            return entry.page
        finally:
            entry.load = None

    async def _load(self, key):
        value, version = await self._read(key)
        return {"value": await self._render(key, value, version), "version": version}
