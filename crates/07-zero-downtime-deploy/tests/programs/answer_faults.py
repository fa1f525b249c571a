"""Faults of answers, beside those of exercise 2."""

import asyncio
import os
import re

ENTRY = re.compile(r"(\d+\.\d+\.\d+)(?:/(\d+))?:(errors|errors-after|slow|crash-on):(\d+)")


def split():
    """Leaves the other faults in FAULTS, where exercise 2 reads them."""
    entries = os.environ.get("FAULTS", "").split(",")
    ours = [entry for entry in entries if ENTRY.fullmatch(entry)]
    os.environ["FAULTS"] = ",".join(entry for entry in entries if entry not in ours)
    os.environ["ANSWER_FAULTS"] = ",".join(ours)


class AnswerFault:
    def __init__(self, version, slot):
        found = map(ENTRY.fullmatch, os.environ["ANSWER_FAULTS"].split(","))
        own = (it.groups() for it in found if it and it[1] == version and it[2] in (None, str(slot)))
        _, _, self.kind, number = next(own, (None, None, None, 0))
        self.number = int(number)
        self.answers = 0

    async def is_error(self):
        self.answers += 1
        match self.kind:
            case "errors":
                return self.answers % self.number == 0
            case "errors-after":
                return self.answers > self.number
            case "slow":
                await asyncio.sleep(self.number / 1000)
            case "crash-on" if self.answers == self.number:
                os._exit(1)
        return False
