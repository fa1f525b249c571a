// The worker processes: one in each slot, and another one after each death.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

/** How long the primary waits for a worker beyond the worker's own deadline. */
const ESCALATION_MS = 2000;
/** What was missing for a start is still missing a moment later. */
const FAILED_START_MS = 200;

export class Workers {
  /** Was a worker, or its task, cut off in the shutdown? */
  wasCut = false;
  #program;
  #settings;
  #heard;
  #ended;
  #all = new Map();
  /** Workers that were killed over a task. */
  #recycled = new Set();
  #drainMs = null;
  #changed = () => {};

  /** `heard` gets each message of a worker, and `ended` says whether a task was at fault. */
  constructor(program, settings, { heard, ended }) {
    this.#program = program;
    this.#settings = settings;
    this.#heard = heard;
    this.#ended = ended;
    for (let slot = 1; slot <= settings.workers; slot += 1) this.#keep(slot);
  }

  get all() {
    return [...this.#all.values()].sort((a, b) => a.slot - b.slot);
  }

  tell(pid, order) {
    // A worker that is gone can't be told. Its end says so, too.
    this.#all.get(pid)?.child.send(order, () => {});
  }

  /** Kills a worker over its task. */
  recycle(pid) {
    this.#recycled.add(pid);
    this.#all.get(pid)?.child.kill('SIGKILL');
  }

  killAll() {
    for (const { child } of this.#all.values()) child.kill('SIGKILL');
  }

  drain(limitMs) {
    this.#drainMs = limitMs;
    for (const { pid, isReady } of this.#all.values()) if (isReady) this.tell(pid, { drainMs: limitMs });
    // A stopped or stuck worker can't keep its own deadline.
    setTimeout(() => this.killAll(), limitMs + ESCALATION_MS);
  }

  /** In a shutdown: resolves when the last one is gone. */
  async areGone() {
    while (this.#all.size > 0) await new Promise((resolve) => (this.#changed = resolve));
  }

  async #keep(slot) {
    let deaths = 0;
    while (this.#drainMs === null) {
      const isItsTasksFault = await this.#live(slot);
      if (!isItsTasksFault) deaths += 1;
      if (!isItsTasksFault && deaths > 1) await this.#pause(deaths);
    }
  }

  async #pause(deaths) {
    const { restartDelayMs, restartDelayMaxMs } = this.#settings;
    // The end of the program doesn't wait for this.
    await sleep(Math.min(restartDelayMs * 2 ** (deaths - 2), restartDelayMaxMs), null, { ref: false });
  }

  /** The life of one worker. Returns whether its task is at fault that it ended. */
  async #live(slot) {
    const child = fork(this.#program, { env: { ...process.env, SLOT: slot } });
    const { pid } = child;
    if (!pid) return sleep(FAILED_START_MS, false);
    const worker = { slot, pid, child, isReady: false };
    this.#all.set(pid, worker);
    report('worker-started', { worker: slot, pid });
    child.on('message', (message) => this.#hear(worker, message));
    // What it said before it died is heard first: the channel ends after the last message.
    const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    const exit = signal ? { signal: os.constants.signals[signal] } : { code };
    report('worker-exited', { worker: slot, pid, exit });
    this.#all.delete(pid);
    this.#changed();
    const wasRecycled = this.#recycled.delete(pid);
    if (this.#drainMs !== null && code !== 0 && !wasRecycled && worker.isReady) this.wasCut = true;
    return this.#ended(pid) || wasRecycled;
  }

  #hear(worker, message) {
    if (message.ready) {
      worker.isReady = true;
      report('worker-ready', { worker: worker.slot, pid: worker.pid });
      if (this.#drainMs !== null) this.tell(worker.pid, { drainMs: this.#drainMs });
    }
    this.#heard(worker.pid, message);
  }
}
