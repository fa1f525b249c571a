// Calls over a channel: each ends exactly once, by its deadline.

import { LONGEST_MS } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

export const TIMEOUT = { failed: 'timeout' };
export const DIED = { failed: 'died' };
export const FULL = { failed: 'full' };

/** The calls that were made over one channel. An id is never given out twice. */
export class Calls {
  #channel;
  #limit;
  #last = 0;
  #open = new Map();
  #isGone = false;
  #latest = Infinity;

  constructor(channel, limit) {
    this.#channel = channel;
    this.#limit = limit;
  }

  /** What became of `question`: the peer's outcome, or why there is none. */
  async call(question, withinMs) {
    if (this.#isGone) return DIED;
    if (this.#open.size >= this.#limit) return FULL;
    this.#last += 1;
    const id = this.#last;
    const deadline = Math.min(performance.now() + withinMs, this.#latest);
    return new Promise((resolve) => {
      this.#open.set(id, { resolve, deadline, timer: null, key: null });
      const within = deadline - performance.now();
      this.#open.get(id).key = this.#channel.send({ is: 'question', id, within, ...question });
      this.#wait(id);
    });
  }

  /** An answer to a call that isn't open changes nothing. */
  answered(id, outcome) {
    const call = this.#open.get(id);
    if (!call) return;
    this.#open.delete(id);
    clearTimeout(call.timer);
    this.#channel.takeBack(call.key);
    call.resolve(outcome);
  }

  /** The peer is dead, and everything that it said was heard. */
  gone() {
    this.#isGone = true;
    for (const id of [...this.#open.keys()]) this.answered(id, DIED);
  }

  /** From now on no call waits any longer than that. */
  endBy(moment) {
    this.#latest = moment;
    for (const [id, call] of this.#open) {
      call.deadline = Math.min(call.deadline, moment);
      this.#wait(id);
    }
  }

  /** Node's timers may fire a moment early, and none waits for longer than `LONGEST_MS`. */
  #wait(id) {
    const call = this.#open.get(id);
    if (!call) return;
    const left = call.deadline - performance.now();
    if (left <= 0) return this.answered(id, TIMEOUT);
    clearTimeout(call.timer);
    call.timer = setTimeout(() => this.#wait(id), Math.min(Math.ceil(left), LONGEST_MS));
  }
}
