"""A channel of frames: four bytes of length, then JSON. Bytes that aren't a frame end it."""

import asyncio
import json

# A text of 16 KiB can have six bytes in JSON for each of its own.
LONGEST_FRAME = 128 * 1024


class Channel:
    """One end of a socket pair. A task of its own writes, so that no other one waits for a peer
    that does not read.
    """

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        # Each entry is a list of pieces, and a pause after each of them. The key of a frame takes it
        # back as long as it waits.
        self._waiting = {}
        self._next = 0
        self._wakes = asyncio.Event()
        self._is_flushed = asyncio.Event()
        # `drain` then waits until the kernel has every byte.
        writer.transport.set_write_buffer_limits(high=0)
        self._task = asyncio.create_task(self._write())

    @classmethod
    async def over(cls, end):
        return cls(*await asyncio.open_connection(sock=end))

    def send(self, message):
        """Never waits. The key of the frame, for `take_back`."""
        return self.send_raw([(encode(message), 0)])

    def send_raw(self, pieces):
        self._next += 1
        self._waiting[self._next] = pieces
        self._is_flushed.clear()
        self._wakes.set()
        return self._next

    def take_back(self, key):
        self._waiting.pop(key, None)

    async def flush(self):
        await self._is_flushed.wait()

    def close_own_end(self):
        self._writer.write_eof()

    def close(self):
        self._task.cancel()
        self._writer.close()

    async def hear(self):
        """The next message; None at the end, and for bytes that aren't a frame."""
        try:
            length = int.from_bytes(await self._reader.readexactly(4))
            if length > LONGEST_FRAME:
                return None
            message = json.loads(await self._reader.readexactly(length))
        except (OSError, EOFError, ValueError):
            return None
        return message if isinstance(message, dict) and "is" in message else None

    async def _write(self):
        try:
            while True:
                while self._waiting:
                    await self._write_one(self._waiting.pop(next(iter(self._waiting))))
                self._is_flushed.set()
                self._wakes.clear()
                await self._wakes.wait()
        except OSError:
            # The peer is gone: what is sent from now on goes nowhere.
            self._is_flushed.set()

    async def _write_one(self, pieces):
        for data, pause in pieces:
            self._writer.write(data)
            await self._writer.drain()
            await asyncio.sleep(pause)


def encode(message):
    body = json.dumps(message).encode()
    return len(body).to_bytes(4) + body


def in_two_halves(message):
    data = encode(message)
    half = len(data) // 2
    return [(data[:half], 0.3), (data[half:], 0)]
