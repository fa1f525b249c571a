// The primary: it hears its workers, judges them, and decides which may be replaced now.

import { once } from 'node:events';
import http from 'node:http';

import { refuse, report } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import {
  Shutdown,
  Slot,
  Workers,
  freePort,
} from '../../../02-rolling-restart/tests/programs/workers.mjs';
import { answerOperators } from './admin.mjs';
import { ActiveAlerts, Webhook } from './alerts.mjs';
import { WorkerHealth } from './health.mjs';

const isReady = ({ state }) => state === 'ready';

/** A slot with all that outlives its workers. */
class Place extends Slot {
  restarts = 0;
  hadWorker = false;
  isGivenUp = false;
  requests = 0;
  errors = 0;

  constructor(number, settings, webhook) {
    super(number, settings);
    this.alerts = new ActiveAlerts(number, webhook);
  }
}

export class Primary {
  #settings;
  #places;
  #workers;
  #shutdown = null;
  #isListening = false;
  #tickMs;
  #ticked = performance.now();

  static async start(settings) {
    const primary = new Primary({ ...settings, port: await freePort(settings.port) });
    await primary.#run();
  }

  constructor(settings) {
    this.#settings = settings;
    const webhook = new Webhook(settings.alertUrl);
    const numbers = Array.from({ length: settings.workers }, (_, index) => index + 1);
    this.#places = numbers.map((number) => new Place(number, settings, webhook));
    this.#tickMs = Math.min(100, Math.ceil(settings.heartbeatMs / 2));
    this.#workers = new Workers(settings, {
      heard: (worker, message) => this.#heard(worker, message),
      ended: (worker) => this.#ended(worker),
    });
  }

  async #run() {
    const { adminPort, reportMs } = this.#settings;
    const server = http.createServer((request, response) => {
      answerOperators(request, response, this.slots());
    });
    server.listen(adminPort, '127.0.0.1');
    await once(server, 'listening').catch(({ code }) =>
      refuse(`ADMIN_PORT=${adminPort} can't be used (${code}): write another one, or 0 for any`),
    );
    this.admin = `127.0.0.1:${server.address().port}`;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
      process.on(signal, () => this.#stop(signal));
    }
    setInterval(() => this.#tick(), this.#tickMs);
    setInterval(() => this.#report(), reportMs);
    this.#go();
  }

  #stop(signal) {
    if (this.#shutdown) return this.#shutdown.force();
    this.#shutdown = new Shutdown(this.#workers, signal, this.#settings);
  }

  /** Time in which this loop did not run says nothing about the workers. */
  #tick() {
    const now = performance.now();
    const missed = now - this.#ticked - this.#tickMs;
    this.#ticked = now;
    if (missed > 0) for (const { health } of this.#workers.all) health.allow(missed);
    this.#go();
  }

  #report() {
    const slots = this.slots();
    const sum = (name) => slots.reduce((total, slot) => total + slot[name], 0);
    const ready = slots.filter(({ state }) => state === 'ready').length;
    const [requests, errors] = [sum('requests'), sum('errors')];
    report('report', { ready, workers: slots.length, requests, errors });
  }

  #heard(worker, { ready, heartbeat, drained }) {
    const now = performance.now();
    if (drained) worker.health.count(drained);
    if (heartbeat) worker.health.heard(heartbeat, now);
    if (ready && worker.state === 'starting') this.#becomesReady(worker, now);
    this.#go();
  }

  #becomesReady(worker, now) {
    worker.state = 'ready';
    worker.readyAt = now;
    worker.health = new WorkerHealth(worker.pid, this.#settings, now);
    report('worker-ready', { worker: worker.slot, pid: worker.pid });
    const place = this.#places[worker.slot - 1];
    place.isGivenUp = false;
    place.alerts.resolveAll(worker.pid);
    if (this.#isListening) return;
    this.#isListening = true;
    report('listening', { address: `127.0.0.1:${this.#settings.port}`, admin: this.admin });
  }

  #ended(worker) {
    const place = this.#places[worker.slot - 1];
    place.requests += worker.health.requests;
    place.errors += worker.health.errors;
    if (this.#shutdown) return this.#shutdown.ended(worker);
    const isOurs = worker.state === 'draining' || worker.state === 'killed';
    if (!isOurs) this.#fails(worker, 'died', 'it died');
    this.#go();
  }

  #go() {
    if (this.#shutdown) return;
    const now = performance.now();
    for (const worker of this.#workers.all) this.#judge(worker, now);
    for (const worker of this.#workers.all) this.#end(worker, now);
    for (const place of this.#places) this.#fill(place, now);
  }

  /** What its figures say. A worker that is not ready, or must drain, is not judged again. */
  #judge(worker, now) {
    const { health, slot, pid } = worker;
    if (!isReady(worker)) return;
    const { alerts } = this.#places[slot - 1];
    const isLate = health.silenceMs(now) >= this.#settings.heartbeatTimeoutMs / 2;
    if (isLate) alerts.raise('warning', 'heartbeat', pid, 'no heartbeat for half of the timeout');
    else alerts.calm('heartbeat', pid);
    if (health.sickOf) return;
    for (const [condition, level] of Object.entries(health.findings(now))) {
      if (level === 'critical') {
        health.sickOf = condition;
        return this.#fails(worker, condition, 'over its limit');
      }
      if (level) alerts.raise(level, condition, pid, 'near its limit');
      else alerts.calm(condition, pid);
    }
  }

  /** Ends it, if it must end and may. */
  #end(worker, now) {
    const { health, slot } = worker;
    if (worker.state === 'starting' && now >= worker.startedAt + this.#settings.readyTimeoutMs) {
      this.#workers.kill(worker, 'it was not ready in time');
      return this.#fails(worker, 'died', 'not ready in time');
    }
    const drainLimit = this.#settings.drainTimeoutMs + this.#settings.escalationMs;
    if (worker.state === 'draining' && now >= worker.drainingSince + drainLimit) {
      return this.#workers.kill(worker, 'its drain is overdue');
    }
    if (!isReady(worker)) return;
    if (health.isSilent(now)) {
      if (!this.#mayKill(now)) return;
      this.#workers.kill(worker, 'no heartbeat');
      return this.#fails(worker, 'heartbeat', 'no heartbeat within the timeout');
    }
    const isSuccessor = (it) => it.slot === slot && isReady(it) && !it.health.sickOf;
    if (health.sickOf && this.#workers.all.some(isSuccessor)) this.#workers.drain(worker, now);
  }

  /** With a majority any time. Otherwise one after the other, when no slot misses its worker. */
  #mayKill(now) {
    const ready = this.#workers.all.filter(isReady);
    const expected = this.#places.filter(({ isGivenUp }) => !isGivenUp);
    const has = (workers) => ({ number }) => workers.some(({ slot }) => slot === number);
    const heard = ready.filter(({ health }) => !health.isSilent(now));
    return expected.filter(has(heard)).length * 2 > expected.length || expected.every(has(ready));
  }

  /** Each worker counts once, however it fails. */
  #fails(worker, condition, text) {
    const { slot, pid, health } = worker;
    if (health.isCounted) return;
    health.isCounted = true;
    const now = performance.now();
    const place = this.#places[slot - 1];
    place.countDeath(worker, now);
    if (!place.isGivenUp) place.alerts.raise('critical', condition, pid, text);
    if (place.streak <= this.#settings.maxRestarts) return;
    place.isGivenUp = true;
    place.retryAt = now + this.#settings.retryAfterMs;
    place.alerts.raise('critical', 'given-up', null, 'too many restarts in a row');
  }

  /** A slot without a worker that is well, or will be, gets one. */
  #fill(place, now) {
    const willServe = ({ slot, state, health }) =>
      slot === place.number && (state === 'starting' || (state === 'ready' && !health.sickOf));
    if (now < place.retryAt || this.#workers.all.some(willServe)) return;
    if (place.hadWorker) place.restarts += 1;
    place.hadWorker = true;
    const worker = this.#workers.start(place, '1.0.0', now);
    worker.health = new WorkerHealth(worker.pid, this.#settings, now);
  }

  /** What operators see of each slot. */
  slots() {
    const now = performance.now();
    return this.#places.map((place) => {
      const own = this.#workers.all.filter(({ slot }) => slot === place.number);
      const sum = (name) => own.reduce((total, { health }) => total + health[name], place[name]);
      const { number, restarts } = place;
      const seen = this.#seen(place, own, now);
      return { number, restarts, requests: sum('requests'), errors: sum('errors'), ...seen };
    });
  }

  #seen({ isGivenUp }, own, now) {
    const isWell = (worker) =>
      isReady(worker) && !worker.health.sickOf && !worker.health.isSilent(now);
    const well = own.find(isWell);
    if (well) return { state: 'ready', worker: well };
    const sick = own.find(isReady);
    if (sick) return { state: 'sick', worker: sick };
    const starting = own.find(({ state }) => state === 'starting');
    if (starting) return { state: 'starting', worker: starting };
    return { state: isGivenUp ? 'given-up' : 'empty', worker: undefined };
  }
}
