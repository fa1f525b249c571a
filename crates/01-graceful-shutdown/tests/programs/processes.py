"""Worker processes: how a primary starts them, and how the two talk."""

import asyncio
import json
import os
import select
import signal
import socket
import sys

from settings import refuse

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2}


class Channel:
    """One end of a socket pair, on which each line is a message in JSON."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end):
        return cls(*await asyncio.open_connection(sock=end))

    def tell(self, **message):
        # Never waits: a worker that does not read must not stop its primary.
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def hear(self):
        """The next message, or None when the other process is gone."""
        try:
            line = await self._reader.readline()
        except OSError:
            line = b""
        return json.loads(line) if line.endswith(b"\n") else None

    def is_silent(self):
        """Whether there is nothing to hear now, neither here nor in the kernel."""
        end = self._writer.get_extra_info("socket")
        return not self._reader._buffer and not select.select([end], [], [], 0)[0]

    async def flush(self):
        await self._writer.drain()


class Worker:
    """A worker process, as its primary sees it."""

    def __init__(self, slot, process, channel):
        self.slot = slot
        self.pid = process.pid
        self.channel = channel
        self._process = process

    async def exit(self):
        """Waits until it was reaped. The field `exit` of the event."""
        code = await self._process.wait()
        return {"code": code} if code >= 0 else {"signal": -code}

    def kill(self):
        try:
            self._process.kill()
        except ProcessLookupError:
            pass


async def start(program, slot, listener, kind=Channel, **settings):
    """Starts `program` as the worker in `slot`, with `listener` and the end of a channel of this
    kind.
    """
    ours, theirs = socket.socketpair()
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    environment |= {"SLOT": str(slot), "LISTENER": str(listener.fileno())}
    environment["CHANNEL"] = str(theirs.fileno())
    # A signal to the whole group would end a worker that has no handlers yet. It inherits the mask,
    # and lets the signals through when it ignores them.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            program,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(listener.fileno(), theirs.fileno()),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        theirs.close()
    return Worker(slot, process, await kind.over(ours))


def slot():
    """The slot of this process, if it is a worker."""
    return int(os.environ.get("SLOT", 0))


async def inherited(kind=Channel):
    """The listener and the channel that a worker was given. From here on it ignores signals: it
    obeys its primary alone.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    listener = socket.socket(fileno=int(os.environ["LISTENER"]))
    listener.setblocking(False)
    return listener, await kind.over(socket.socket(fileno=int(os.environ["CHANNEL"])))


def listen(port, name="PORT"):
    """A listener on 127.0.0.1. Only its workers accept from it."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno)
        refuse(f"{name}={port} can't be used ({reason}): write another one, or 0 for any")
