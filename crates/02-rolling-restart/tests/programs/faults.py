"""FAULTS, with which a check breaks a deploy: `VERSION:FAULT` or `VERSION/SLOT:FAULT`."""

import asyncio
import os
import re

from settings import refuse

ENTRY = re.compile(
    r"(\d+\.\d+\.\d+)(?:/(\d+))?:"
    r"(?:(slow-start|crash-after-ready):(\d+)|(never-ready|crash-at-start))"
)


def faults():
    """The faults of the environment: version, slot or None, fault, and milliseconds or None."""
    found = []
    for entry in filter(None, os.environ.get("FAULTS", "").split(",")):
        match = ENTRY.fullmatch(entry)
        if not match:
            refuse(f"FAULTS={entry} makes no sense: write VERSION:FAULT or VERSION/SLOT:FAULT")
        version, slot, timed, millis, plain = match.groups()
        found.append((version, slot and int(slot), timed or plain, millis and int(millis)))
    return found


class FaultOf:
    """The fault of a worker, if it has one: the first in the list that is about it."""

    def __init__(self, version, slot):
        own = (it for it in faults() if it[0] == version and it[1] in (None, slot))
        _, _, self._fault, self._millis = next(own, (None, None, None, None))

    async def start(self):
        """Returns when the worker may begin to serve, if it ever may."""
        match self._fault:
            case "crash-at-start":
                os._exit(1)
            case "slow-start":
                await asyncio.sleep(self._millis / 1000)
            case "never-ready":
                await asyncio.Event().wait()

    def after_ready(self):
        if self._fault == "crash-after-ready":
            asyncio.get_running_loop().call_later(self._millis / 1000, os._exit, 1)
