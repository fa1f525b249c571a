"""Settings from the environment, and events for stdout, as PROTOCOL.md says."""

import json
import os
import re
import sys


def refuse(sentence):
    """Says what to write instead, and ends the program: nothing was served yet."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


def number(name, fallback, least=0, most=2**63 - 1):
    """A whole number from `least` to `most`."""
    text = os.environ.get(name)
    if text is None:
        return fallback
    if not re.fullmatch("[0-9]+", text) or not least <= int(text) <= most:
        refuse(f"{name}={text} makes no sense: write a whole number from {least} to {most}")
    return int(text)


def seconds(name, fallback, least=0):
    """A number of milliseconds, as seconds."""
    return number(name, fallback, least) / 1000


def report(event, **fields):
    """Writes an event to stdout, in one piece. The worker goes on if the reader is gone."""
    try:
        os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")
    except OSError:
        pass
