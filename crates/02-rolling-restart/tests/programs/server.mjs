// Exercise 2 in Node: SIGUSR2 rolls all workers to the next version, and no request is lost.
//
//     cargo xtask check 2 --program "node crates/02-rolling-restart/tests/programs/server.mjs"

import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  LONGEST_MS,
  inQuery,
  number,
  report,
} from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { faults } from './faults.mjs';
import { isOver, nextMoment, nextMove } from './plan.mjs';
import { Roll } from './roll.mjs';
import { json, runWorker } from './worker.mjs';
import { Shutdown, Slot, Workers, freePort } from './workers.mjs';

const settings = {
  port: number('PORT', 8000, { most: 65_535 }),
  workers: number('WORKERS', 4, { least: 1, most: 64 }),
  readyTimeoutMs: number('READY_TIMEOUT_MS', 5000),
  drainTimeoutMs: number('DRAIN_TIMEOUT_MS', 10_000),
  /** How long the primary waits for a worker beyond the worker's own deadline. */
  escalationMs: 2000,
  lameDuckMs: number('LAME_DUCK_MS', 300),
  restartDelayMs: number('RESTART_DELAY_MS', 200),
  restartDelayMaxMs: number('RESTART_DELAY_MAX_MS', 10_000),
  maxSurge: number('MAX_SURGE', 1, { least: 1, most: 64 }),
  minReadyMs: number('MIN_READY_MS', 100),
  rollTimeoutMs: number('ROLL_TIMEOUT_MS', 300_000),
};

class Primary {
  #roll = new Roll();
  #slots;
  #workers;
  #shutdown = null;
  #alarm;
  #isListening = false;
  #told = '';

  constructor() {
    const numbers = Array.from({ length: settings.workers }, (_, index) => index + 1);
    this.#slots = numbers.map((number) => new Slot(number, settings));
    this.#workers = new Workers(settings, {
      heard: (worker, message) => this.#heard(worker, message),
      ended: (worker) => this.#ended(worker),
    });
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => this.#stop(signal));
    process.on('SIGUSR2', () => this.#ask((now) => this.#roll.askForTheNext(now)));
    process.on('SIGHUP', () => this.#ask((now) => this.#roll.askForTheOneBefore(now)));
    this.#go();
  }

  #ask(change) {
    if (this.#shutdown) return;
    change(performance.now());
    this.#go();
  }

  #stop(signal) {
    if (this.#shutdown) return this.#shutdown.force();
    clearTimeout(this.#alarm);
    this.#shutdown = new Shutdown(this.#workers, signal, settings);
  }

  /** Makes every move that is possible now, and comes back when the next one may be. */
  #go() {
    if (this.#shutdown) return;
    // One look at the clock: what is decided by one and waited for by a later one can be missed.
    const now = performance.now();
    if (now >= this.#roll.deadline(settings.rollTimeoutMs)) this.#roll.giveUp('ROLL_TIMEOUT_MS');
    let move;
    while ((move = nextMove(this.#cluster, now))) this.#make(move, now);
    if (this.#roll.isUnderWay && isOver(this.#cluster, now)) {
      this.#roll.finish(now);
      return this.#go();
    }
    this.#tellProgress();
    const deadline = this.#roll.deadline(settings.rollTimeoutMs);
    const moment = Math.min(nextMoment(this.#cluster, now), deadline);
    clearTimeout(this.#alarm);
    // Rounded up, because a timer that fires too early finds nothing to do.
    const pause = Math.min(Math.ceil(moment - now), LONGEST_MS);
    this.#alarm = setTimeout(() => this.#go(), pause);
  }

  get #cluster() {
    const [slots, workers, goal] = [this.#slots, this.#workers.all, this.#roll.goal];
    return { slots, workers, goal, settings };
  }

  #make({ start, version, drain, kill, isLate }, now) {
    if (start) {
      const worker = this.#workers.start(start, version, now);
      this.#workers.tell(worker, { progress: this.#roll.progress });
    } else if (drain) {
      this.#workers.drain(drain, now);
    } else {
      const isStart = kill.state === 'starting';
      this.#workers.kill(kill, isLate ? 'it took too long' : 'its version is given up');
      if (isLate && isStart) this.#countDeath(kill, 'was not ready in time', now);
    }
  }

  #heard(worker, { ready }) {
    if (!ready || worker.state !== 'starting') return;
    worker.state = 'ready';
    worker.readyAt = performance.now();
    report('worker-ready', { worker: worker.slot, pid: worker.pid });
    if (!this.#isListening) report('listening', { address: `127.0.0.1:${settings.port}` });
    this.#isListening = true;
    this.#go();
  }

  #ended(worker) {
    if (this.#shutdown) return this.#shutdown.ended(worker);
    const now = performance.now();
    if (worker.state === 'draining' || worker.wasDraining) {
      // A worker that died while it drained has cut one request at least.
      this.#roll.lost(worker.drained ? worker.drained.cut : 1);
      const successor = this.#workers.all.find(
        (it) => it.slot === worker.slot && it.state === 'ready' && it.version !== worker.version,
      );
      if (successor) this.#roll.replaced(successor, now);
    } else if (worker.state !== 'killed') {
      this.#countDeath(worker, 'died', now);
    }
    this.#go();
  }

  /** A death of a new version that has not proven itself is the deploy's. Others are the slot's. */
  #countDeath(worker, what, now) {
    const { slot, version, readyAt } = worker;
    const isProven = readyAt !== null && now - readyAt >= settings.minReadyMs;
    if (this.#roll.isForward && version === this.#roll.goal.to && !isProven) {
      this.#roll.giveUp(`worker ${slot} of ${version} ${what}`);
    } else {
      this.#slots[slot - 1].countDeath(worker, now);
    }
  }

  #tellProgress() {
    const { progress } = this.#roll;
    if (JSON.stringify(progress) === this.#told) return;
    this.#told = JSON.stringify(progress);
    for (const worker of this.#workers.all) this.#workers.tell(worker, { progress });
  }
}

let progress = null;

async function answer(request, response, { slot, version, readyAt }) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const uptime = Math.floor(performance.now() - readyAt);
  const me = { worker: slot, pid: process.pid, version, uptime_ms: uptime };
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return json(response, 200, me);
    case 'GET /slow':
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      await sleep(inQuery(url, 'ms', 300));
      return response.end(JSON.stringify(me));
    case 'GET /busy':
      spin(inQuery(url, 'ms', 5));
      return json(response, 200, me);
    case 'GET /roll':
      return json(response, 200, progress);
    default:
      return json(response, 404, me);
  }
}

function spin(millis) {
  const end = performance.now() + millis;
  while (performance.now() < end);
}

faults();
if (cluster.isPrimary) {
  settings.port = await freePort(settings.port);
  new Primary();
} else {
  const onOrder = (order) => ({ progress } = order);
  await runWorker({ ...settings, answer, onOrder });
}
