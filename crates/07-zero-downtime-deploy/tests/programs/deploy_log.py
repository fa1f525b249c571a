"""DEPLOY_LOG: one JSON object a line, one write each. Lines never change."""

import json
import os
import time

from settings import refuse

ENDS = ("promoted", "sent-back", "abandoned")


def order(version):
    return tuple(int(part) for part in version.split("."))


class Recovered:
    def __init__(self):
        self.stable = self.latest = "1.0.0"
        self.number = 0
        self.unfinished = None

    def learn(self, entry):
        self.number = max(self.number, entry["deploy"])
        self.latest = max(self.latest, entry["version"], key=order)
        self.unfinished = None if entry["did"] in ENDS else entry
        if entry["did"] == "promoted":
            self.stable = entry["version"]


class Log:
    def __init__(self, path):
        try:
            self.file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            with open(path, "rb") as file:
                text = file.read()
        except OSError as error:
            refuse(f"DEPLOY_LOG={path} can't be used ({error.strerror}): write a file")
        self.recovered = Recovered()
        for line in text.splitlines():
            try:
                self.recovered.learn(json.loads(line))
            except (ValueError, KeyError, TypeError):
                pass  # Half a line, or of another program.
        if text and not text.endswith(b"\n"):
            os.write(self.file, b"\n")
        if entry := self.recovered.unfinished:
            names = ("deploy", "version", "by")
            self.write({name: entry.get(name) for name in names} | {"did": "abandoned"})

    def write(self, entry):
        line = json.dumps(entry | {"at_ms": time.time_ns() // 1_000_000})
        os.write(self.file, line.encode() + b"\n")
