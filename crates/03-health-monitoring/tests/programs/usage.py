"""What a process uses, read from outside: a frozen one has figures, too. Linux has these files."""

import os

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def _read(pid, file):
    try:
        with open(f"/proc/{pid}/{file}") as text:
            return text.read()
    except OSError:
        return ""  # It is gone.


def resident_bytes(pid):
    fields = _read(pid, "statm").split()
    return int(fields[1]) * PAGE if fields else 0


def cpu_seconds(pid):
    # The name of the program, in parentheses, may contain spaces.
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def open_files(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
