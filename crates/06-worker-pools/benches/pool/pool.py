"""The two pools of Python's standard library, as its documentation shows them."""

import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import sys
import time

MICROS = int(os.environ["POOL_BENCH_MICROS"])
TASKS = int(os.environ["POOL_BENCH_TASKS"])
WORKERS = int(os.environ["WORKERS"])
JOURNAL = os.environ.get("JOURNAL")


def hash_rounds(rounds):
    data = bytes(32)
    for _ in range(rounds):
        data = hashlib.sha256(data).digest()
    return data.hex()


def work(item):
    task, rounds = item
    hash_rounds(rounds)
    if JOURNAL:
        line = json.dumps({"task": task, "did": "finished"}) + "\n"
        with open(JOURNAL, "a") as journal:
            journal.write(line)
    return task


def measure(rounds, times):
    began = time.perf_counter()
    for _ in range(times):
        hash_rounds(rounds)
    return (time.perf_counter() - began) / times


def main():
    rounds, alone = 1, 0.0
    if MICROS:
        measure(100, 300)
        rounds = max(1, round(MICROS / 1e6 / (measure(100, 300) / 100)))
        alone = measure(rounds, 4000 if MICROS < 500 else 200)
    items = [(task, rounds) for task in range(1, TASKS + 1)]
    if sys.argv[1] == "executor":
        with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
            list(pool.map(work, [(0, 1)] * WORKERS))
            began = time.perf_counter()
            list(pool.map(work, items))
            seconds = time.perf_counter() - began
    else:
        with multiprocessing.Pool(WORKERS) as pool:
            list(pool.imap_unordered(work, [(0, 1)] * WORKERS))
            began = time.perf_counter()
            list(pool.imap_unordered(work, items))
            seconds = time.perf_counter() - began
    with open(os.environ["POOL_BENCH_RESULT"], "w") as result:
        json.dump({"tasks": TASKS, "alone": alone, "seconds": seconds}, result)


main()
