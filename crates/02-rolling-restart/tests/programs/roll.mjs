// Which version the workers run, which one they will run, and how the last roll ended.

import { report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

export class Roll {
  /** What the plan works towards. */
  goal = { from: '1.0.0', to: '1.0.0', isBack: false };
  #minor = 0;
  /** The version before the last good roll: the way back leads there. */
  #before = null;
  #isAskedAgain = false;
  #began = 0;
  #reason = null;
  #replaced = [];
  #cut = 0;
  #finished = 0;
  #last = null;

  get isUnderWay() {
    return this.goal.from !== this.goal.to;
  }

  get isForward() {
    return this.isUnderWay && !this.goal.isBack;
  }

  deadline(timeoutMs) {
    return this.isForward ? this.#began + timeoutMs : Infinity;
  }

  askForTheNext(now) {
    if (this.isUnderWay) {
      this.#isAskedAgain = true;
      return;
    }
    this.#minor += 1;
    this.#begin(`1.${this.#minor}.0`, now);
  }

  askForTheOneBefore(now) {
    if (this.isForward) this.giveUp('SIGHUP');
    else if (!this.isUnderWay && this.#before) this.#begin(this.#before, now);
  }

  #begin(to, now) {
    this.goal = { from: this.goal.to, to, isBack: false };
    this.#began = now;
    this.#reason = null;
    this.#replaced = [];
    this.#cut = 0;
    report('roll-started', { from: this.goal.from, to });
  }

  giveUp(reason) {
    if (!this.isForward) return;
    this.goal.isBack = true;
    this.#reason = reason;
    report('roll-abandoned', { version: this.goal.to, reason });
  }

  /** `pid` has taken over in its slot; the worker before it has just ended. */
  replaced({ slot, version, pid, startedAt }, now) {
    const millis = Math.floor(now - startedAt);
    if (version === this.goal.to) this.#replaced.push({ worker: slot, millis });
    report('worker-replaced', { worker: slot, pid, version, millis });
  }

  lost(connections) {
    this.#cut += connections;
  }

  /** Every worker runs the version that it should: the roll has ended, well or badly. */
  finish(now) {
    const { from, to, isBack } = this.goal;
    const outcome = isBack ? 'rolled-back' : 'rolled-out';
    const millis = Math.floor(now - this.#began);
    const [reason, cut, workers] = [this.#reason, this.#cut, this.#replaced];
    this.#last = { to, outcome, reason, millis, cut, workers };
    this.#finished += 1;
    this.#reason = null;
    if (!isBack) this.#before = from;
    const version = isBack ? from : to;
    this.goal = { from: version, to: version, isBack: false };
    report('roll-finished', { version, outcome, millis });
    if (!this.#isAskedAgain) return;
    this.#isAskedAgain = false;
    this.askForTheNext(now);
  }

  /** The answer to `GET /roll`. */
  get progress() {
    const { from, to, isBack } = this.goal;
    const phase = !this.isUnderWay ? 'steady' : isBack ? 'rolling-back' : 'rolling';
    const [reason, finished, last] = [this.#reason, this.#finished, this.#last];
    return { phase, version: isBack ? from : to, reason, finished, last };
  }
}
