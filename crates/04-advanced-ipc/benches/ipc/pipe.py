"""multiprocessing.Pipe, driven line by line: see driver.rs."""

import json
import multiprocessing
import sys
import time

HOLD = "hold"


def echo(connection):
    try:
        while True:
            message = connection.recv()
            if not message.startswith(HOLD):
                connection.send(message)
    except (EOFError, OSError):
        pass


def start():
    ours, theirs = multiprocessing.Pipe()
    peer = multiprocessing.Process(target=echo, args=(theirs,), daemon=True)
    peer.start()
    theirs.close()
    return ours, peer


def trip(peer, size, count, window):
    text = "x" * size
    began = time.perf_counter_ns()
    sent = 0
    for answered in range(count):
        while sent < count and sent - answered < window:
            peer.send(text)
            sent += 1
        peer.recv()
    return time.perf_counter_ns() - began


def frozen(first, second, count, seconds):
    # No answer to these: a peer that answers 20,000 messages whose answers stay unread would block as well.
    text, held, began = "x" * 1024, HOLD + "x" * 1020, time.monotonic()
    others, gap, last, sent = 0, 0.0, began, 0
    while sent < count or time.monotonic() - began < seconds:
        for _ in range(min(100, count - sent)):
            first.send(held)
            sent += 1
        second.send(text)
        second.recv()
        others += 1
        gap, last = max(gap, time.monotonic() - last), time.monotonic()
        if sent == count:
            time.sleep(0.001)
    return {"sent": sent, "refused": 0, "error_ms": None, "others": others, "gap_ms": gap * 1e3}


def killed(first):
    for _ in range(20):
        first.send(HOLD)
    first.send("read")
    first.recv()
    print("open", flush=True)
    try:
        first.recv()
    except (EOFError, OSError):
        print("20 by EOFError", flush=True)


def main():
    (first, one), (second, two) = start(), start()
    print(one.pid, two.pid, flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        numbers = [int(number) for number in numbers]
        if command == "trip":
            print(trip(first, *numbers), flush=True)
        elif command == "frozen":
            print(json.dumps(frozen(first, second, numbers[0], numbers[1] / 1e3)), flush=True)
        else:
            killed(first)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
