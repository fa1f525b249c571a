// What the primary knows of one worker: when it was heard, and what it said.

import { cpuSeconds, residentBytes } from './usage.mjs';

const MIB = 2 ** 20;

/** Values with their times, as far back as one window and one value more. */
class History {
  #values = [];

  add(time, value) {
    this.#values.push({ time, value });
  }

  /** The last value from before the window, or `fallback` if the worker is younger. */
  before(time, fallback) {
    while (this.#values.length > 1 && this.#values[1].time <= time) this.#values.shift();
    const [oldest] = this.#values;
    return oldest && oldest.time <= time ? oldest : fallback;
  }
}

export class WorkerHealth {
  requests = 0;
  errors = 0;
  lagMs = 0;
  /** The condition for which it is being replaced. It stays so, whatever its figures say later. */
  sickOf = null;
  isCounted = false;
  #pid;
  #settings;
  #heardAt;
  /** How long the primary did not run since then. */
  #allowance = 0;
  #counts = new History();
  #cpu = new History();

  constructor(pid, settings, now) {
    this.#pid = pid;
    this.#settings = settings;
    this.#heardAt = now;
  }

  heard({ requests, errors, lag }, now) {
    this.count({ requests, errors });
    this.lagMs = lag;
    this.#heardAt = now;
    this.#allowance = 0;
    this.#counts.add(now, { requests, errors });
  }

  count({ requests, errors }) {
    this.requests = requests;
    this.errors = errors;
  }

  allow(millis) {
    this.#allowance += millis;
  }

  ageMs(now) {
    return now - this.#heardAt;
  }

  silenceMs(now) {
    return Math.max(0, this.ageMs(now) - this.#allowance);
  }

  isSilent(now) {
    return this.silenceMs(now) >= this.#settings.heartbeatTimeoutMs;
  }

  /** Each condition with its level: critical, warning or null. */
  findings(now) {
    return { memory: this.#memory(), errors: this.#rate(now), cpu: this.#load(now) };
  }

  #memory() {
    const used = residentBytes(this.#pid) / MIB;
    const { memoryLimitMb } = this.#settings;
    return used > memoryLimitMb ? 'critical' : used > memoryLimitMb * 0.8 ? 'warning' : null;
  }

  #rate(now) {
    const { windowMs, minRequests, errorRateLimit } = this.#settings;
    const none = { value: { requests: 0, errors: 0 } };
    const { value } = this.#counts.before(now - windowMs, none);
    const [requests, errors] = [this.requests - value.requests, this.errors - value.errors];
    const says = requests > 0 && requests >= minRequests;
    return says && errors * 100 > errorRateLimit * requests ? 'critical' : null;
  }

  #load(now) {
    const { windowMs, cpuLimit } = this.#settings;
    if (cpuLimit === 0) return null;
    const used = cpuSeconds(this.#pid);
    this.#cpu.add(now, used);
    const before = this.#cpu.before(now - windowMs, null);
    if (!before) return null;
    const percent = ((used - before.value) * 100_000) / (now - before.time);
    return percent > cpuLimit ? 'critical' : null;
  }
}
