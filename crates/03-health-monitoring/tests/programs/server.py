"""Exercise 3 in Python: the primary watches its workers, and replaces those that are sick.

    cargo xtask check 3 --program "python3 crates/03-health-monitoring/tests/programs/server.py"
"""

import asyncio
import os
import sys
from pathlib import Path

# The server, its drain and the workers are those of the exercises before.
CRATES = Path(__file__).parents[3]
sys.path.append(str(CRATES / "01-graceful-shutdown/tests/programs"))
sys.path.append(str(CRATES / "02-rolling-restart/tests/programs"))

import processes
from faults import faults
from health import Limits
from monitored import Monitored
from primary import Primary, Settings
from settings import number, seconds
from worker import run_worker

HEARTBEAT = seconds("HEARTBEAT_MS", 3000, least=1)
LAME_DUCK = seconds("LAME_DUCK_MS", 300)
SETTINGS = Settings(
    program=__file__,
    port=number("PORT", 8000, most=65535),
    admin_port=number("ADMIN_PORT", 8001, most=65535),
    workers=number("WORKERS", 3, least=1, most=64),
    heartbeat=HEARTBEAT,
    ready_timeout=seconds("READY_TIMEOUT_MS", 5000),
    drain_timeout=seconds("DRAIN_TIMEOUT_MS", 10_000),
    restart_delay=seconds("RESTART_DELAY_MS", 200),
    restart_delay_max=seconds("RESTART_DELAY_MAX_MS", 10_000),
    max_restarts=number("MAX_RESTARTS", 5),
    retry_after=seconds("RETRY_AFTER_MS", 300_000),
    report=seconds("REPORT_MS", 15_000, least=1),
    alert_url=os.environ.get("ALERT_URL"),
    limits=Limits(
        heartbeat_timeout=seconds("HEARTBEAT_TIMEOUT_MS", 10_000, round(HEARTBEAT * 2000)),
        memory=number("MEMORY_LIMIT_MB", 100, least=1),
        error_rate=number("ERROR_RATE_LIMIT", 20, most=100),
        min_requests=number("MIN_REQUESTS", 10),
        window=seconds("WINDOW_MS", 30_000, least=1),
        cpu=number("CPU_LIMIT", 0),
    ),
)


async def primary():
    return await Primary(SETTINGS).run()


if __name__ == "__main__":
    faults()
    if processes.slot():
        run_worker(Monitored(HEARTBEAT), LAME_DUCK)
    sys.exit(asyncio.run(primary()))
