"""The file in which tasks survive: one line for each change, and the last line of a task counts."""

import fcntl
import json
import os

from settings import refuse

HEADER = b'{"spool":1}\n'


class Spool:
    def __init__(self, path):
        """Opens it. `tasks` has its tasks, in the order of their last lines; `next` the next number."""
        self._path = path
        self.tasks, self.next = {}, 1
        try:
            self._lock = open(f"{path}.lock", "ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
            self._file = self._write_anew()
        except BlockingIOError:
            self._refuse("a spool that no other program uses")
        except OSError as error:
            self._refuse(f"a file that can be used ({os.strerror(error.errno)})")

    def _refuse(self, wanted):
        refuse(f"SPOOL={self._path} makes no sense: write {wanted}")

    def _read(self):
        with open(self._path, "a+b") as file:
            file.seek(0)
            data = file.read()
        if not data.startswith(HEADER) and not HEADER.startswith(data):
            self._refuse("a spool of this program, or a file that isn't there yet")
        # Half a last line was never acknowledged.
        for line in data[: data.rfind(b"\n") + 1].split(b"\n")[1:-1]:
            try:
                self._replay(json.loads(line))
            except (ValueError, KeyError):
                self._refuse("a spool without damage")

    def _replay(self, line):
        if "next" in line:
            self.next = max(self.next, line["next"])
            return
        self.tasks.pop(line["id"], None)
        self.tasks[line["id"]] = line
        self.next = max(self.next, line["id"] + 1)

    def _write_anew(self):
        new = f"{self._path}.new"
        with open(new, "wb") as file:
            lines = [{"next": self.next}, *self.tasks.values()]
            file.write(HEADER + b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)
        return open(self._path, "ab", buffering=0)

    def write(self, task):
        """When this returns, the kernel has it. A line that could be written in part is taken back."""
        length = os.fstat(self._file.fileno()).st_size
        line = json.dumps(task).encode() + b"\n"
        if self._file.write(line) != len(line):
            os.ftruncate(self._file.fileno(), length)
            raise OSError("no room for the whole line")
