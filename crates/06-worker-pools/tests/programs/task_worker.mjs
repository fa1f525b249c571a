// A worker: one task at a time.

import { existsSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Thread } from './compute.mjs';

const LOOK_MS = 5;

class TaskWorker {
  #held = [];
  #running = null;
  #isDraining = false;
  #thread = new Thread();
  #journal = process.env.JOURNAL ? openSync(process.env.JOURNAL, 'a') : null;

  hear({ run, forget, drainMs }) {
    if (run) this.#held.push(run);
    else if (forget) this.#forget(forget);
    else this.#drain(drainMs);
    this.#startNext();
  }

  async #startNext() {
    if (this.#running || this.#held.length === 0) return;
    const task = this.#held.shift();
    this.#running = task;
    // Before it can do any harm. The kernel has the message when this returns.
    await tell({ started: task.id });
    this.#note('started');
    const result = await this.#work(task);
    this.#note('finished');
    await tell({ finished: task.id, result });
    this.#running = null;
    this.#leaveIfDone();
    this.#startNext();
  }

  async #work({ type, n }) {
    if (type === 'crash') process.kill(process.pid, 'SIGKILL');
    if (type !== 'hold') return this.#thread.compute(type, n);
    while (!existsSync(path.join(process.env.HOLD_DIR, String(n)))) await sleep(LOOK_MS);
    return n;
  }

  #note(did) {
    if (this.#journal === null) return;
    const { id, attempt } = this.#running;
    writeSync(this.#journal, `${JSON.stringify({ task: id, attempt, pid: process.pid, did })}\n`);
  }

  #forget(id) {
    this.#held = this.#held.filter((task) => task.id !== id);
    if (this.#running?.id === id) process.exit(1);
  }

  /** What was not started stays in the spool. */
  #drain(limitMs) {
    this.#isDraining = true;
    this.#held = [];
    setTimeout(() => process.exit(3), limitMs);
    this.#leaveIfDone();
  }

  #leaveIfDone() {
    if (this.#isDraining && !this.#running) process.exit(0);
  }
}

const tell = (message) => new Promise((told) => process.send(message, told));

export function runWorker(signals) {
  // Ctrl-C and service managers signal every process. A worker obeys its primary alone.
  for (const signal of signals) process.on(signal, () => {});
  const worker = new TaskWorker();
  process.on('message', (order) => worker.hear(order));
  // The primary is gone.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  tell({ ready: true });
}
