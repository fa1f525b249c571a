// Exercise 5 in Node: a worker pool with a task queue.
//
//     cargo xtask check 5 --program "node crates/06-worker-pools/tests/programs/server.mjs"

import { closeSync, openSync } from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Connections } from '../../../01-graceful-shutdown/tests/programs/drain.mjs';
import {
  LONGEST_MS,
  number,
  refuse,
  report,
} from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { Pool } from './pool.mjs';
import { answer } from './routes.mjs';
import { Spool } from './spool.mjs';
import { runWorker } from './task_worker.mjs';
import { Workers } from './workers.mjs';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** A timer that fires later than this: the process was held up itself. */
const LATE_MS = 50;
/** Then this is how long it hears its workers first. */
const HEARING_MS = 200;
/** How long clients may take to read their last answers, after the lame duck. */
const LAST_ANSWERS_MS = 1000;

const inTemporary = (name) => path.join(os.tmpdir(), name);

const readSettings = () => ({
  port: number('PORT', 8000, { most: 65_535 }),
  workers: number('WORKERS', 4, { least: 1, most: 64 }),
  queueLimit: number('QUEUE_LIMIT', 20, { least: 1, most: 1000 }),
  credit: number('CREDIT', 1, { least: 1, most: 32 }),
  maxAttempts: number('MAX_ATTEMPTS', 3, { least: 1, most: 1000 }),
  taskTimeoutMs: number('TASK_TIMEOUT_MS', 30_000, { least: 1 }),
  resultsLimit: number('RESULTS_LIMIT', 1000, { least: 1, most: 1000 }),
  drainTimeoutMs: number('DRAIN_TIMEOUT_MS', 10_000),
  lameDuckMs: number('LAME_DUCK_MS', 300),
  restartDelayMs: number('RESTART_DELAY_MS', 200),
  restartDelayMaxMs: number('RESTART_DELAY_MAX_MS', 10_000),
});

class Primary {
  isDraining = false;
  pool;
  workers;
  #settings;
  #server;
  #connections;
  #alarm;

  constructor(settings, spool) {
    this.#settings = settings;
    this.pool = new Pool(settings, spool);
    this.#server = http.createServer((request, response) => {
      answer(this, request, response).finally(() => this.#go());
    });
    this.#connections = new Connections(this.#server);
  }

  async run() {
    for (const signal of SIGNALS) process.on(signal, () => this.#stop());
    this.#server.listen(this.#settings.port, '127.0.0.1');
    await once(this.#server, 'listening').catch(({ code }) => {
      refuse(`PORT=${this.#settings.port} can't be used (${code}): write another one, or 0 for any`);
    });
    report('listening', { address: `127.0.0.1:${this.#server.address().port}` });
    this.workers = new Workers(fileURLToPath(import.meta.url), this.#settings, {
      heard: (pid, message) => this.#hear(pid, message),
      ended: (pid) => this.#lost(pid),
    });
  }

  #hear(pid, { ready, started, finished, result }) {
    if (ready) this.pool.workers.set(pid, Infinity);
    else if (started) this.pool.started(pid, started);
    else this.pool.finished(pid, finished, result);
    this.#go();
  }

  #lost(pid) {
    const isItsTasksFault = this.pool.running(pid) !== undefined;
    this.pool.lost(pid);
    this.#go();
    return isItsTasksFault;
  }

  /** Hands out what can be handed out, and comes back at the next deadline. */
  #go() {
    let task;
    while (!this.isDraining && (task = this.pool.dispatch())) {
      const { id, type, n, attempts, pid } = task;
      this.workers.tell(pid, { run: { id, type, n, attempt: attempts + 1 } });
    }
    const { deadline } = this.pool;
    clearTimeout(this.#alarm);
    if (deadline === Infinity) return;
    const wait = Math.max(Math.ceil(deadline - performance.now()), 0);
    this.#alarm = setTimeout(() => this.#look(deadline), Math.min(wait, LONGEST_MS));
  }

  /** A task that seems late may have ended in time, if this process was stopped. */
  #look(deadline) {
    const isLate = performance.now() > deadline + LATE_MS;
    setTimeout(() => this.#expire(), isLate ? HEARING_MS : 0);
  }

  #expire() {
    for (const pid of this.pool.expire()) this.workers.recycle(pid);
    this.#go();
  }

  async #stop() {
    if (this.isDraining) {
      this.workers.killAll();
      process.exit(1);
    }
    this.isDraining = this.#connections.isDraining = true;
    this.workers.drain(this.#settings.drainTimeoutMs);
    // Clients are answered to the end: they want to know what became of their tasks.
    await this.workers.areGone();
    const { lameDuckMs } = this.#settings;
    await this.#connections.drain({ timeoutMs: lameDuckMs + LAST_ANSWERS_MS, lameDuckMs });
    process.exit(this.workers.wasCut ? 1 : 0);
  }
}

function prepare() {
  const journal = process.env.JOURNAL;
  process.env.HOLD_DIR ??= inTemporary('holds');
  try {
    if (journal) closeSync(openSync(journal, 'a'));
  } catch ({ code }) {
    refuse(`JOURNAL=${journal} can't be written (${code}): name another file`);
  }
}

if (process.env.SLOT && process.send) {
  runWorker(SIGNALS);
} else {
  const settings = readSettings();
  prepare();
  const spool = await Spool.open(process.env.SPOOL ?? inTemporary('tasks.spool'));
  await new Primary(settings, spool).run();
}
