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


class FaultsOf:
    """Those of the worker in `slot` that runs `version`."""

    def __init__(self, version, slot):
        own = [it for it in faults() if it[0] == version and it[1] in (None, slot)]
        self._millis = {fault: millis for _, _, fault, millis in own}

    async def start(self):
        """Returns when the worker may begin to serve, if it ever may."""
        if "crash-at-start" in self._millis:
            os._exit(1)
        await asyncio.sleep(self._millis.get("slow-start", 0) / 1000)
        if "never-ready" in self._millis:
            await asyncio.Event().wait()

    def after_ready(self):
        if (millis := self._millis.get("crash-after-ready")) is not None:
            asyncio.get_running_loop().call_later(millis / 1000, os._exit, 1)
