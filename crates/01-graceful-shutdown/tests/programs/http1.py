"""An HTTP/1.1 server for asyncio that can be drained."""

import asyncio
import json
import socket
from urllib.parse import parse_qs, urlsplit

LONGEST_HEAD = 16 * 1024
REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}


class Request:
    """A request, and the way to answer it. Each answer has a length, or says that it has none."""

    def __init__(self, connection, method, target, body, fields):
        url = urlsplit(target)
        self.route = f"{method} {url.path}"
        self.body = body
        self.fields = fields
        self._query = parse_qs(url.query)
        self._connection = connection

    def number(self, name, fallback):
        """A whole number in the query."""
        text = self.word(name)
        return int(text) if text.isascii() and text.isdigit() else fallback

    def word(self, name):
        """A text in the query, empty if it isn't there."""
        return self._query.get(name, [""])[0]

    async def json(self, status, value, **fields):
        await self.text(status, json.dumps(value), "application/json", **fields)

    async def text(self, status, text, kind, **fields):
        body = text.encode()
        await self.head(status, len(body), kind, **fields)
        await self.send(body)

    async def json_later(self, value, pause):
        """The head at once, and the body after `pause` seconds."""
        body = json.dumps(value).encode()
        await self.head(200, len(body), "application/json")
        await asyncio.sleep(pause)
        await self.send(body)

    async def head(self, status, length, kind, **fields):
        connection = self._connection
        connection.head_is_out = True
        lines = [
            f"HTTP/1.1 {status} {REASONS.get(status, 'Other')}",
            f"Content-Type: {kind}",
            f"Content-Length: {length}",
            f"Connection: {'close' if connection.closes else 'keep-alive'}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def stream(self, kind, pieces):
        """An answer whose length is not known at its beginning."""
        self._connection.head_is_out = True
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        await self.send(head.encode())
        async for piece in pieces:
            await self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await self.send(b"0\r\n\r\n")

    @property
    def is_draining(self):
        return self._connection.is_draining

    async def send(self, data):
        self._connection.writer.write(data)
        await self._connection.writer.drain()


class Connection:
    """One client: its requests one after the other."""

    def __init__(self, server, reader, writer):
        self.is_idle = True
        self.owes = False
        self.closes = False
        self.head_is_out = False
        self.writer = writer
        # `drain` then waits until the kernel has every byte, so what is answered is not cut.
        writer.transport.set_write_buffer_limits(high=0)
        self._server = server
        self._reader = reader

    @property
    def is_draining(self):
        return self._server.is_draining

    async def serve(self):
        try:
            while not self.closes and (request := await self._next()):
                await self._server.handle(request)
                self.owes, self.is_idle = False, True
                self._server.answered += 1
                self.closes |= self._server.lame_duck_is_over
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # The client is gone, or speaks something else.
        finally:
            self.owes = False
            self.writer.close()

    async def _next(self):
        head = await self._reader.readexactly(1)
        self.is_idle = False
        head += await self._reader.readuntil(b"\r\n\r\n")
        # From here on it is a request, and an answer is owed. Half a head is none.
        self.owes, self.head_is_out = True, False
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, target, version = first.split(" ")
        parts = [line.partition(":") for line in lines]
        fields = {name.lower(): value.strip() for name, _, value in parts}
        asks_to_close = fields.get("connection", "").lower() == "close" or version == "HTTP/1.0"
        self.closes = asks_to_close or self._server.is_draining
        body = await self._reader.readexactly(int(fields.get("content-length", 0)))
        return Request(self, method, target, body, fields)

    def close_after_answer(self):
        self.closes |= not self.head_is_out

    def close_if_idle(self):
        if self.is_idle:
            self.writer.close()


class Server:
    """Serves what comes to `listener`, until it is drained. `answered` counts requests."""

    def __init__(self, listener, handle):
        self.handle = handle
        self.answered = 0
        self.is_draining = False
        self.lame_duck_is_over = False
        self._listener = listener
        self._tasks = {}
        asyncio.get_running_loop().add_reader(listener, self._accept)

    def _accept(self):
        """Accepts one connection in each turn of the loop, so that other workers get some, too."""
        try:
            client, _ = self._listener.accept()
        except OSError:
            return False  # Another worker was quicker, or there is no descriptor left: try later.
        client.setblocking(False)
        # asyncio sets it only where it knows the protocol. Head and body are two writes, and without it the
        # second one waits for an acknowledgement of the first: 40 ms on Linux.
        if client.family == socket.AF_INET:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(self._serve(client))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return True

    async def _serve(self, client):
        reader, writer = await asyncio.open_connection(sock=client, limit=LONGEST_HEAD)
        connection = Connection(self, reader, writer)
        self._tasks[asyncio.current_task()] = connection
        await connection.serve()

    async def drain(self, timeout, lame_duck):
        """Stops accepting, answers what it owes, and closes every connection: idle ones after
        `lame_duck` seconds, the others after their answer or, whatever they owe, after `timeout`
        seconds. Returns how many still owed an answer then.
        """
        self.is_draining = True
        self.answered = 0
        self._stop_accepting()
        for connection in self._connections():
            connection.close_after_answer()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        await self._wait(min(lame_duck, timeout))
        self.lame_duck_is_over = True
        for connection in self._connections():
            connection.close_if_idle()
        await self._wait(deadline - loop.time())
        return self._cut()

    def _stop_accepting(self):
        asyncio.get_running_loop().remove_reader(self._listener)
        # The last close of a listener resets what waits in the kernel's queue, requests included.
        while self._accept():
            pass
        self._listener.close()

    async def _wait(self, timeout):
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=max(timeout, 0))

    def _cut(self):
        left = self._connections()
        for connection in left:
            connection.writer.transport.abort()
        return sum(connection.owes for connection in left)

    def _connections(self):
        return [connection for connection in self._tasks.values() if connection]
