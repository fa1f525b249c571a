// The primary's hold on its workers: it starts, tells and kills them, and hears what they say.

import cluster from 'node:cluster';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';

import { refuse, report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

/**
 * The port itself, or any that is free instead of 0. A worker that comes when all others are dead
 * then takes the same one: `cluster` forgets what port 0 was with the last worker that had it.
 */
export async function freePort(wanted) {
  const probe = net.createServer().listen(wanted, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch ({ code }) {
    refuse(`PORT=${wanted} can't be used (${code}): write another one, or 0 for any`);
  }
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** The restart streak of a slot: the delay grows with each death, and a long life ends it. */
export class Slot {
  retryAt = 0;
  streak = 0;
  diedOf = null;
  #settings;

  constructor(number, settings) {
    this.number = number;
    this.#settings = settings;
  }

  countDeath({ version, readyAt }, now) {
    const { restartDelayMs, restartDelayMaxMs } = this.#settings;
    if (readyAt !== null && now - readyAt > restartDelayMaxMs) this.streak = 0;
    this.streak += 1;
    this.diedOf = version;
    const delay = this.streak === 1 ? 0 : restartDelayMs * 2 ** (this.streak - 2);
    const millis = Math.min(delay, restartDelayMaxMs);
    this.retryAt = now + millis;
    if (millis > 0) report('restart-delayed', { worker: this.number, streak: this.streak, millis });
  }
}

/** Those that are alive. `heard(worker, message)` and `ended(worker)` are the primary's. */
export class Workers {
  all = [];
  #settings;

  constructor(settings, { heard, ended }) {
    // By default Node's primary accepts, and hands each connection to a worker in turn. It can hand
    // one to a worker that was just killed, and that client waits in vain. With this policy the
    // workers accept, so a connection that no worker took stays in the kernel's queue.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    this.#settings = settings;
    cluster.on('message', ({ entry }, message) => {
      if (message.hears) this.#begins(entry);
      else if (message.drained) entry.drained = message.drained;
      heard(entry, message);
    });
    cluster.on('exit', ({ entry }, code, signal) => {
      this.all = this.all.filter((worker) => worker !== entry);
      const exit = signal ? { signal: os.constants.signals[signal] } : { code };
      report('worker-exited', { worker: entry.slot, pid: entry.pid, exit });
      ended(entry);
    });
  }

  start({ number }, version, now) {
    const child = cluster.fork({ SLOT: number, VERSION: version, PORT: this.#settings.port });
    child.entry = {
      slot: number,
      version,
      pid: child.process.pid,
      state: 'starting',
      startedAt: now,
      readyAt: null,
      drained: null,
      child,
      orders: [],
      hears: false,
    };
    this.all.push(child.entry);
    report('worker-started', { worker: number, pid: child.process.pid, version });
    return child.entry;
  }

  /** Never waits: the channel of a worker that is gone or stuck must not stop the primary. */
  tell(worker, order) {
    if (worker.hears) worker.child.send(order, () => {});
    else worker.orders.push(order);
  }

  #begins(worker) {
    worker.hears = true;
    for (const order of worker.orders) worker.child.send(order, () => {});
  }

  drain(worker, now) {
    worker.wasReady = worker.state === 'ready';
    worker.state = 'draining';
    worker.drainingSince = now;
    this.tell(worker, { drain: this.#settings.drainTimeoutMs });
  }

  kill(worker, reason) {
    worker.wasDraining = worker.state === 'draining';
    worker.state = 'killed';
    worker.child.process.kill('SIGKILL');
    report('worker-killed', { worker: worker.slot, pid: worker.pid, reason });
  }
}

/**
 * The end of all workers. It exits by itself: with 0 if every request was answered. What was cut
 * before does not count.
 */
export class Shutdown {
  #workers;
  #began = performance.now();
  #drained = 0;
  #cut = 0;
  #isLossy = false;
  #isForced = false;

  constructor(workers, signal, settings) {
    this.#workers = workers;
    report('shutdown-started', { signal, timeout_ms: settings.drainTimeoutMs });
    for (const worker of workers.all) {
      if (worker.state === 'starting' || worker.state === 'ready') {
        workers.drain(worker, performance.now());
      }
    }
    // A stopped or stuck worker can't keep its own deadline.
    setTimeout(() => this.#killAll('overdue'), settings.drainTimeoutMs + settings.escalationMs);
    this.exitIfAlone();
  }

  force() {
    this.#isForced = true;
    report('shutdown-forced', { reason: 'a second signal' });
    this.#killAll('a second signal');
  }

  #killAll(reason) {
    for (const worker of this.#workers.all) this.#workers.kill(worker, reason);
  }

  ended({ drained, wasReady }) {
    this.#drained += drained?.answered ?? 0;
    this.#cut += drained?.cut ?? 0;
    // A worker that was never ready had no request that could be lost.
    if (!drained && wasReady) this.#isLossy = true;
    this.exitIfAlone();
  }

  exitIfAlone() {
    if (this.#workers.all.length > 0) return;
    const isClean = this.#cut === 0 && !this.#isLossy;
    const outcome = this.#isForced ? 'forced' : isClean ? 'drained' : 'cut';
    const millis = Math.floor(performance.now() - this.#began);
    report('shutdown-complete', { outcome, drained: this.#drained, cut: this.#cut, millis });
    process.exit(outcome === 'drained' ? 0 : 1);
  }
}
