// What the primary has of one worker process.

import { Calls, DIED, FULL } from './calls.mjs';
import { Channel } from './frames.mjs';

/** A worker process, the calls to it, and its messages that are not acknowledged. */
export class Colleague {
  state = 'starting';
  readyAt = null;
  version = null;
  drained = null;
  wasReady = false;
  isGone = false;
  hasExited = false;
  topics = new Set();
  #accepted = 0;
  #acknowledged = 0;
  #queueLimit;
  /** Messages that wait, by priority, and those that are on their way to the worker. */
  #waiting = { high: [], normal: [] };
  #sent = [];
  #isSending = false;

  constructor(slot, child, { maxInFlight, queueLimit }, { heard, ended }) {
    this.slot = slot;
    this.child = child;
    this.pid = child.process.pid;
    this.#queueLimit = queueLimit;
    const [, , , , socket] = child.process.stdio;
    this.channel = new Channel(socket, {
      heard: (message) => heard(this, message),
      ended: () => ended(this),
    });
    this.calls = new Calls(this.channel, maxInFlight);
  }

  accept({ from, text, priority }) {
    if (this.isGone) return DIED;
    if (this.#accepted - this.#acknowledged >= this.#queueLimit) return FULL;
    this.#accepted += 1;
    this.#waiting[priority].push({ sequence: this.#accepted, from, text, priority });
    if (!this.#isSending) this.#send();
    return { said: { sequence: this.#accepted } };
  }

  /** The worker has this many messages, in the order in which they were sent. */
  has(number) {
    while (this.#acknowledged < number && this.#sent.length > 0) {
      this.#sent.shift();
      this.#acknowledged += 1;
    }
  }

  unacknowledged() {
    return [...this.#sent, ...this.#waiting.high, ...this.#waiting.normal];
  }

  /** Everything that it said was heard: now its calls end. */
  gone() {
    this.isGone = true;
    this.calls.gone();
    this.channel.close();
  }

  /** A message that the channel has can't be passed any more, so it gets one at a time. */
  async #send() {
    this.#isSending = true;
    for (;;) {
      await this.channel.flush();
      if (this.isGone) return;
      const message = this.#waiting.high.shift() ?? this.#waiting.normal.shift();
      if (!message) break;
      this.#sent.push(message);
      this.channel.send({ is: 'message', ...message });
    }
    this.#isSending = false;
  }
}
