// The primary: it keeps a worker in each slot, and passes on what they tell each other.

import cluster from 'node:cluster';
import os from 'node:os';

import { report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { Shutdown, Slot, freePort } from '../../../02-rolling-restart/tests/programs/workers.mjs';
import { DIED } from './calls.mjs';
import { Colleague } from './colleague.mjs';

export class Exchange {
  #settings;
  #slots;
  /** By slot: the worker that is there, and what the last one there had not acknowledged. */
  #colleagues = new Map();
  #leftovers = new Map();
  #shutdown = null;
  #isListening = false;

  static async start(settings) {
    const exchange = new Exchange({ ...settings, port: await freePort(settings.port) });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
      process.on(signal, () => exchange.#stop(signal));
    }
    for (const slot of exchange.#slots) exchange.#fill(slot);
  }

  constructor(settings) {
    this.#settings = settings;
    const numbers = Array.from({ length: settings.workers }, (_, index) => index + 1);
    this.#slots = numbers.map((number) => new Slot(number, settings));
    // The workers accept: the primary might hand a connection to a worker that was just killed.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    // A message of Node's own channel that isn't JSON ends its reader. So there is a second channel.
    cluster.setupPrimary({ stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] });
    cluster.on('exit', ({ colleague }, code, signal) => {
      colleague.hasExited = true;
      const exit = signal ? { signal: os.constants.signals[signal] } : { code };
      report('worker-exited', { worker: colleague.slot, pid: colleague.pid, exit });
      this.#ended(colleague);
    });
  }

  /** What `Shutdown` needs to know of the workers, and to do with them. */
  get all() {
    return [...this.#colleagues.values()];
  }

  drain(colleague) {
    colleague.wasReady = colleague.state === 'ready';
    colleague.state = 'draining';
    colleague.channel.send({ is: 'drain', timeoutMs: this.#settings.drainTimeoutMs });
  }

  kill(colleague, reason) {
    colleague.state = 'killed';
    colleague.child.process.kill('SIGKILL');
    report('worker-killed', { worker: colleague.slot, pid: colleague.pid, reason });
  }

  #fill(slot) {
    if (this.#shutdown) return;
    const { port, readyTimeoutMs } = this.#settings;
    const child = cluster.fork({ SLOT: slot.number, PORT: port });
    const colleague = new Colleague(slot.number, child, this.#settings, {
      heard: (one, message) => this.#heard(one, message),
      ended: (one) => this.#gone(one),
    });
    child.colleague = colleague;
    this.#colleagues.set(slot.number, colleague);
    report('worker-started', { worker: slot.number, pid: colleague.pid });
    for (const message of this.#leftovers.get(slot.number) ?? []) colleague.accept(message);
    this.#leftovers.delete(slot.number);
    setTimeout(() => {
      if (colleague.state === 'starting') this.kill(colleague, 'it was not ready in time');
    }, readyTimeoutMs).unref();
  }

  #heard(colleague, message) {
    switch (message.is) {
      case 'ready':
        return this.#becomesReady(colleague);
      case 'question':
        return this.#passOn(colleague, message);
      case 'reply':
        return colleague.calls.answered(message.id, message.outcome);
      case 'acknowledged':
        return colleague.has(message.number);
      case 'drained':
        colleague.drained = message;
        return this.#leaveIfAllAreDrained();
    }
  }

  #becomesReady(colleague) {
    if (colleague.state === 'starting') colleague.state = 'ready';
    colleague.readyAt = performance.now();
    report('worker-ready', { worker: colleague.slot, pid: colleague.pid });
    if (this.#isListening) return;
    this.#isListening = true;
    report('listening', { address: `127.0.0.1:${this.#settings.port}` });
  }

  async #passOn(asker, { id, ...question }) {
    const outcome = this.#aboutTopic(asker, question) ?? (await this.#ask(question));
    asker.channel.send({ is: 'reply', id, outcome });
  }

  /** The answer to a question about a topic; null for any other question. */
  #aboutTopic(asker, { what, topic }) {
    if (what === 'subscribe') {
      asker.topics.add(topic);
      return { said: {} };
    }
    if (what !== 'subscribers') return null;
    const subscribers = this.all.filter(({ isGone, topics }) => !isGone && topics.has(topic));
    return { said: { slots: subscribers.map(({ slot }) => slot) } };
  }

  async #ask({ within, ...question }) {
    const colleague = this.#colleagues.get(question.to);
    if (!colleague) return DIED;
    if (question.what === 'accept') return colleague.accept(question);
    return colleague.calls.call(question, within);
  }

  /** Everything that it said was heard. It may live on: it has closed its channel, or sent garbage. */
  #gone(colleague) {
    colleague.gone();
    if (this.#settings.redeliver) {
      this.#leftovers.set(colleague.slot, colleague.unacknowledged());
    }
    if (!colleague.hasExited && !colleague.drained) colleague.child.process.kill('SIGKILL');
    this.#ended(colleague);
  }

  /** Its process and its channel end in any order. */
  #ended(colleague) {
    if (!colleague.hasExited || !colleague.isGone) return;
    this.#colleagues.delete(colleague.slot);
    this.#leaveIfAllAreDrained();
    if (this.#shutdown) return this.#shutdown.ended(colleague);
    const slot = this.#slots[colleague.slot - 1];
    const now = performance.now();
    slot.countDeath(colleague, now);
    setTimeout(() => this.#fill(slot), slot.retryAt - now);
  }

  #stop(signal) {
    if (this.#shutdown) return this.#shutdown.force();
    this.#shutdown = new Shutdown(this, signal, this.#settings);
  }

  #leaveIfAllAreDrained() {
    const living = this.all.filter(({ isGone }) => !isGone);
    if (!this.#shutdown || !living.every(({ drained }) => drained)) return;
    for (const { channel } of living) channel.send({ is: 'leave' });
  }
}
