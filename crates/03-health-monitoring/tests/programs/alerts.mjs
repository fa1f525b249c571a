// One alert for each change, on stdout and at a webhook that stops nothing.

import http from 'node:http';

import { report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

const POST_LIMIT_MS = 2000;
/** The primary does not remember more than these for a receiver that is away. */
const LONGEST_QUEUE = 1000;

/** What is wrong with a slot at the moment: a level for each condition. */
export class ActiveAlerts {
  #slot;
  #levels = new Map();
  #webhook;

  constructor(slot, webhook) {
    this.#slot = slot;
    this.#webhook = webhook;
  }

  raise(level, condition, pid, text) {
    const now = this.#levels.get(condition);
    // What is critical stays so until the slot is well again.
    if (now === level || now === 'critical') return;
    this.#levels.set(condition, level);
    this.#send(level, condition, pid, text);
  }

  /** A condition that was not critical is over. */
  calm(condition, pid) {
    if (this.#levels.get(condition) === 'warning') this.#resolve(condition, pid);
  }

  /** A new worker is ready in this slot. */
  resolveAll(pid) {
    for (const condition of [...this.#levels.keys()]) this.#resolve(condition, pid);
  }

  #resolve(condition, pid) {
    this.#levels.delete(condition);
    this.#send('resolved', condition, pid, 'over');
  }

  #send(level, condition, pid, text) {
    const alert = { worker: this.#slot, pid, level, condition, text };
    report('alert', alert);
    this.#webhook.post(alert);
  }
}

/** Alerts go out one after the other, because a receiver needs them in their order. */
export class Webhook {
  #url;
  #queue = [];
  #isBusy = false;

  constructor(url) {
    this.#url = url;
  }

  post(alert) {
    if (!this.#url || this.#queue.length >= LONGEST_QUEUE) return;
    this.#queue.push(alert);
    if (!this.#isBusy) this.#next();
  }

  #next() {
    const alert = this.#queue.shift();
    this.#isBusy = alert !== undefined;
    if (!this.#isBusy) return;
    const signal = AbortSignal.timeout(POST_LIMIT_MS);
    const headers = { 'Content-Type': 'application/json' };
    const request = http.request(this.#url, { method: 'POST', headers, signal, agent: false });
    request.on('response', (response) => response.resume());
    // A delivery that fails is dropped: there is no other channel to report it on.
    request.on('error', () => {});
    request.on('close', () => this.#next());
    request.end(JSON.stringify(alert));
  }
}
