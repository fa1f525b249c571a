"""Exercise 6 in Python: counters, sessions, pages and jobs that four processes share.

    cargo xtask check 6 --program "python3 crates/05-shared-state/tests/programs/server.py"
"""

import asyncio
import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The server and its drain are those of exercise 1, the primary and its roll those of exercise 2.
CRATES = Path(__file__).parents[3]
ROLL = CRATES / "02-rolling-restart/tests/programs"
sys.path.append(str(CRATES / "01-graceful-shutdown/tests/programs"))
sys.path.append(str(ROLL))

import processes
from database import prepare
from newsroom import Newsroom
from settings import number, refuse, seconds
from shared_site import Site
from worker import run_worker
from workers import Workers

# Its file has the same name as this one.
_there = importlib.util.spec_from_file_location("rolling", ROLL / "server.py")
rolling = importlib.util.module_from_spec(_there)
_there.loader.exec_module(rolling)

SURGE = number("MAX_SURGE", 1, least=1, most=64)
MOST_WORKERS = rolling.WORKERS + SURGE
CONNECTIONS = max(12, 2 * MOST_WORKERS + 1)


@dataclass(frozen=True)
class Settings:
    database: str = os.environ.get("DATABASE", f"{tempfile.gettempdir()}/state.db")
    connections: int = (number("DB_CONNECTIONS", CONNECTIONS, least=1 + MOST_WORKERS) - 1) // MOST_WORKERS
    busy_timeout: float = seconds("BUSY_TIMEOUT_MS", 1000)
    # The database keeps milliseconds.
    session_idle: int = number("SESSION_IDLE_MS", 1_800_000)
    session_max: int = number("SESSION_MAX_MS", 28_800_000)
    lease: int = number("LEASE_MS", 10_000)
    cache_ttl: float = seconds("CACHE_TTL_MS", 60_000)
    ack_timeout: float = seconds("ACK_TIMEOUT_MS", 2000)
    flight: str = os.environ.get("FLIGHT", "worker")
    origin: str = os.environ.get("ORIGIN", "")


class Primary(rolling.Primary):
    """The primary of exercise 2, which also answers its workers."""

    def __init__(self, settings):
        # Before the first worker, and open until the end: so the last worker of a generation does not
        # remove the log that the next one opens.
        self.database = prepare(settings.database)
        super().__init__()
        self.newsroom = Newsroom(settings.ack_timeout)
        self.workers = Workers(__file__, self.listener, self.heard, self.ended)

    def heard(self, worker, message):
        if not self.newsroom.heard(self.workers.all, worker, message):
            super().heard(worker, message)

    def ended(self, worker):
        self.newsroom.gone(worker)
        super().ended(worker)


async def primary(settings):
    return await Primary(settings).run()


if __name__ == "__main__":
    settings = Settings()
    if settings.flight not in ("worker", "cluster"):
        refuse(f"FLIGHT={settings.flight} makes no sense: write worker or cluster")
    if settings.origin and not settings.origin.startswith("http://"):
        refuse(f"ORIGIN={settings.origin} makes no sense: write an address such as http://127.0.0.1:9000")
    if processes.slot():
        run_worker(Site(settings), rolling.LAME_DUCK)
    sys.exit(asyncio.run(primary(settings)))
