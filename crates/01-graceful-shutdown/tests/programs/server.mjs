// Exercise 1 in Node: a primary and its workers, which lose nothing when they are told to stop.
//
//     cargo xtask check 1 --program "node crates/01-graceful-shutdown/tests/programs/server.mjs"

import cluster from 'node:cluster';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { Connections } from './drain.mjs';
import { inQuery, number, refuse, report } from './settings.mjs';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** How long the primary waits for a worker beyond the worker's own deadline. */
const ESCALATION_MS = 2000;
/** A worker that dies before it serves will probably do so again. */
const PAUSE_MS = 200;

const drainTimeoutMs = number('DRAIN_TIMEOUT_MS', 10_000);
const settings = {
  port: number('PORT', 8000, { most: 65_535 }),
  workers: number('WORKERS', 2, { least: 1, most: 64 }),
  drainTimeoutMs,
  drainTimeoutSigintMs: number('DRAIN_TIMEOUT_SIGINT_MS', drainTimeoutMs),
  lameDuckMs: number('LAME_DUCK_MS', 300),
  journal: process.env.JOURNAL ?? path.join(os.tmpdir(), 'journal.log'),
};

async function runPrimary() {
  // By default Node's primary accepts, and hands each connection to a worker in turn. It can hand
  // one to a worker that was just killed, and that client waits in vain. With this policy the
  // workers accept, so a connection that no worker took stays in the kernel's queue.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  try {
    fs.closeSync(fs.openSync(settings.journal, 'a'));
  } catch (error) {
    refuse(`JOURNAL=${settings.journal} can't be written (${error.code}): name another file`);
  }
  const primary = new Primary(await freePort(settings.port));
  for (const signal of SIGNALS) process.on(signal, () => primary.stop(signal));
  for (let slot = 1; slot <= settings.workers; slot += 1) primary.start(slot);
}

/**
 * The port itself, or any that is free instead of 0. A worker that comes when all others are dead
 * then takes the same one: `cluster` forgets what port 0 was with the last worker that had it.
 */
async function freePort(wanted) {
  const probe = net.createServer();
  probe.listen(wanted, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    refuse(`PORT=${wanted} can't be used (${error.code}): write another one, or 0 for any`);
  }
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

class Primary {
  /** Of each worker that is alive: its slot, whether it serves, and what it reported. */
  #workers = new Map();
  #port;
  #isListening = false;
  #shutdown = null;

  constructor(port) {
    this.#port = port;
    cluster.on('listening', (worker) => this.#serves(worker));
    cluster.on('message', (worker, { drained }) => (this.#workers.get(worker).drained = drained));
    cluster.on('exit', (worker, code, signal) => this.#ended(worker, code, signal));
  }

  start(slot) {
    const worker = cluster.fork({ SLOT: slot, PORT: this.#port });
    this.#workers.set(worker, { slot, serves: false, drained: null });
    report('worker-started', { worker: slot, pid: worker.process.pid });
  }

  stop(signal) {
    if (this.#shutdown) {
      this.#shutdown.isForced = true;
      report('shutdown-forced', { reason: 'a second signal' });
      return this.#killAll();
    }
    const isSigint = signal === 'SIGINT';
    const timeoutMs = isSigint ? settings.drainTimeoutSigintMs : settings.drainTimeoutMs;
    this.#shutdown = { began: performance.now(), timeoutMs, drained: 0, cut: 0, isLossy: false };
    report('shutdown-started', { signal, timeout_ms: timeoutMs });
    for (const [worker, { serves }] of this.#workers) if (serves) this.#drain(worker);
    // A stopped or stuck worker can't keep its own deadline.
    setTimeout(() => this.#killAll(), timeoutMs + ESCALATION_MS);
    this.#endIfAlone();
  }

  #drain(worker) {
    // A worker that is gone can't be told. Its exit says so, too.
    worker.send({ drain: this.#shutdown.timeoutMs }, () => {});
  }

  #killAll() {
    for (const worker of this.#workers.keys()) worker.process.kill('SIGKILL');
  }

  #serves(worker) {
    const { slot } = this.#workers.get(worker);
    this.#workers.get(worker).serves = true;
    report('worker-ready', { worker: slot, pid: worker.process.pid });
    // While it started it would not have heard the order.
    if (this.#shutdown) this.#drain(worker);
    if (this.#isListening) return;
    this.#isListening = true;
    report('listening', { address: `127.0.0.1:${this.#port}` });
  }

  #ended(worker, code, signal) {
    const { slot, serves, drained } = this.#workers.get(worker);
    this.#workers.delete(worker);
    const exit = signal ? { signal: os.constants.signals[signal] } : { code };
    report('worker-exited', { worker: slot, pid: worker.process.pid, exit });
    if (!this.#shutdown) {
      setTimeout(() => this.#shutdown ?? this.start(slot), serves ? 0 : PAUSE_MS);
      return;
    }
    this.#shutdown.drained += drained?.answered ?? 0;
    this.#shutdown.cut += drained?.cut ?? 0;
    // A worker that never served had no request that could be lost.
    if (serves && !drained) this.#shutdown.isLossy = true;
    this.#endIfAlone();
  }

  #endIfAlone() {
    if (this.#workers.size > 0) return;
    const { began, drained, cut, isLossy, isForced } = this.#shutdown;
    const isClean = cut === 0 && !isLossy;
    const outcome = isForced ? 'forced' : isClean ? 'drained' : 'cut';
    const millis = Math.floor(performance.now() - began);
    report('shutdown-complete', { outcome, drained, cut, millis });
    process.exit(isClean && !isForced ? 0 : 1);
  }
}

async function runWorker(slot) {
  // Ctrl-C and service managers signal every process. A worker obeys its primary alone. If that
  // dies, `cluster` ends the worker by itself.
  for (const signal of SIGNALS) process.on(signal, () => {});
  const journal = await fs.promises.open(settings.journal, 'a');
  const server = http.createServer((request, response) => {
    const site = { slot, journal, isDraining: connections.isDraining };
    answer(request, response, site).catch((error) => fail(response, error));
  });
  const connections = new Connections(server);
  process.on('message', async ({ drain }) => {
    const cut = await connections.drain({ timeoutMs: drain, lameDuckMs: settings.lameDuckMs });
    await journal.close();
    process.send({ drained: { answered: connections.answered, cut } }, () => process.exit(0));
  });
  server.listen(settings.port, '127.0.0.1');
}

async function answer(request, response, { slot, journal, isDraining }) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const me = { worker: slot, pid: process.pid };
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      await sleep(inQuery(url, 'ms', 1000));
      return json(response, 200, me);
    case 'GET /fast':
      return json(response, 200, me);
    case 'GET /slow':
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      await sleep(inQuery(url, 'ms', 5000));
      return response.end(JSON.stringify(me));
    case 'GET /download':
      return download(response, inQuery(url, 'mb', 32));
    case 'GET /health':
      return json(response, isDraining ? 503 : 200, me);
    case 'POST /journal':
      await write(journal, await body(request));
      await sleep(inQuery(url, 'ms', 0));
      return json(response, 200, me);
    default:
      return json(response, 404, me);
  }
}

function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** No answer is a 200 for a line that is not on disk. */
function fail(response, error) {
  if (response.headersSent) response.destroy();
  else json(response, 500, { error: error.message });
}

async function body(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** The line is on disk before it is acknowledged. So not even SIGKILL can lose it. */
async function write(journal, text) {
  await journal.write(`${text.replaceAll('\n', ' ')}\n`);
  await journal.datasync();
}

/** `pipeline` waits for the client: a slow one does not fill the worker's memory. */
async function download(response, mb) {
  const piece = Buffer.alloc(2 ** 20, 'x');
  response.writeHead(200, { 'Content-Length': mb * piece.length });
  await pipeline(Readable.from(Array(mb).fill(piece)), response);
}

if (cluster.isPrimary) await runPrimary();
else await runWorker(Number(process.env.SLOT));
