"""The database: the file before the first worker, and a worker's connections to it."""

import asyncio
import os
import secrets
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

from settings import refuse

APPLICATION = 0x50797468
VERSION = 1
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER);
CREATE TABLE sessions (id TEXT PRIMARY KEY, user TEXT, born INTEGER, used INTEGER);
CREATE TABLE carts (session TEXT, item TEXT);
CREATE TABLE config (key TEXT PRIMARY KEY, value TEXT, version INTEGER);
CREATE TABLE loads (
    key TEXT, version INTEGER, token INTEGER, until INTEGER, page TEXT, PRIMARY KEY (key, version)
);
CREATE TABLE jobs (name TEXT PRIMARY KEY, token INTEGER, until INTEGER, done INTEGER, result TEXT);
PRAGMA application_id = %d;
PRAGMA user_version = %d;
COMMIT;
"""


class Exists(Exception):
    """There is a backup with this name."""


class Busy(Exception):
    """The database was locked for the whole time. Nothing was written."""


def now_ms():
    return time.time_ns() // 1_000_000


def prepare(path):
    """The primary's connection. A file that isn't ours is refused, and stays as it is."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA % (APPLICATION, VERSION))
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        is_whole = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.Error as error:
        refuse(f"DATABASE={path} can't be used ({error}): write a whole database, or a new file")
    if not (ours and version <= VERSION and is_whole):
        refuse(f"DATABASE={path} isn't a database of this program: write another path")
    # A backup is not in WAL mode.
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


class Database:
    """One connection writes. If there may be two, the other one reads."""

    def __init__(self, settings):
        self._busy_timeout = settings.busy_timeout
        self._writer = Lane(settings.database)
        self._reader = Lane(settings.database) if settings.connections > 1 else self._writer

    async def write(self, work):
        """Runs `work(connection)` in a transaction that has the write lock from its beginning."""
        return await self._writer.run("BEGIN IMMEDIATE", work, self._busy_timeout)

    async def read(self, work):
        return await self._reader.run("BEGIN", work, self._busy_timeout)

    async def backup(self, file):
        """Copies all that is committed into the new `file`, which is whole or isn't there."""
        await self._reader.copy_into(file)


class Lane:
    """A connection on a thread of its own: waiting for a lock must not stop the event loop."""

    def __init__(self, path):
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._connection = None

    async def run(self, begin, work, limit):
        deadline = time.monotonic() + limit
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, begin, work, deadline)

    def _run(self, begin, work, deadline):
        connection = self._open()
        left = max(round((deadline - time.monotonic()) * 1000), 0)
        connection.execute(f"PRAGMA busy_timeout = {left}")
        try:
            connection.execute(begin)
            done = work(connection)
            connection.execute("COMMIT")
            return done
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if (error.sqlite_errorname or "").startswith("SQLITE_BUSY"):
                raise Busy from error
            raise

    async def copy_into(self, file):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._copy_into, file)

    def _copy_into(self, file):
        part = f"{file}.{secrets.token_hex(8)}.part"
        try:
            self._open().execute("VACUUM INTO ?", [part])
            # A link never replaces a file.
            os.link(part, file)
        except FileExistsError as error:
            raise Exists from error
        finally:
            if os.path.exists(part):
                os.unlink(part)

    def _open(self):
        if not self._connection:
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=5)
            self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection


def one(connection, sql, *values):
    """The first column of the only row, or None."""
    row = connection.execute(sql, values).fetchone()
    return row and row[0]
