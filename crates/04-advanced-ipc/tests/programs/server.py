"""Exercise 4 in Python: workers that ask each other, through their primary.

    cargo xtask check 4 --program "python3 crates/04-advanced-ipc/tests/programs/server.py"
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

# The server, its drain, the start of a worker and the restart streak are those of the exercises
# before.
CRATES = Path(__file__).parents[3]
sys.path.append(str(CRATES / "01-graceful-shutdown/tests/programs"))
sys.path.append(str(CRATES / "02-rolling-restart/tests/programs"))

import processes
from exchange import Exchange
from office import run_worker
from settings import number, seconds


@dataclass(frozen=True)
class Settings:
    program: str = __file__
    port: int = number("PORT", 8000, most=65535)
    workers: int = number("WORKERS", 3, least=1, most=64)
    request_timeout: float = seconds("REQUEST_TIMEOUT_MS", 5000)
    max_in_flight: int = number("MAX_IN_FLIGHT", 256, least=1)
    queue_limit: int = number("QUEUE_LIMIT", 64, least=1)
    redeliver: int = number("REDELIVER", 0, most=1)
    ready_timeout: float = seconds("READY_TIMEOUT_MS", 5000)
    drain_timeout: float = seconds("DRAIN_TIMEOUT_MS", 10_000)
    lame_duck: float = seconds("LAME_DUCK_MS", 300)
    restart_delay: float = seconds("RESTART_DELAY_MS", 200)
    restart_delay_max: float = seconds("RESTART_DELAY_MAX_MS", 10_000)


async def primary():
    return await Exchange(Settings()).run()


if __name__ == "__main__":
    if processes.slot():
        run_worker(Settings())
    sys.exit(asyncio.run(primary()))
