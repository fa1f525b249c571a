// A worker of exercise 3: the same loop that answers requests sends the heartbeats.

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker as Thread } from 'node:worker_threads';

import { inQuery } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { json, runWorker } from '../../../02-rolling-restart/tests/programs/worker.mjs';

const counts = { requests: 0, errors: 0 };
const leaked = [];

export async function runMonitored(settings) {
  const lastWord = () => counts;
  await runWorker({ ...settings, answer, onOrder: () => {}, onReady, lastWord });

  function onReady() {
    let due = performance.now();
    const beat = () => {
      const now = performance.now();
      process.send({ heartbeat: { ...counts, lag: Math.max(0, Math.round(now - due)) } });
      due = now + settings.heartbeatMs;
    };
    beat();
    setInterval(beat, settings.heartbeatMs);
  }
}

async function answer(request, response, { slot }) {
  response.once('finish', () => {
    counts.requests += 1;
    if (response.statusCode >= 500) counts.errors += 1;
  });
  const url = new URL(request.url, 'http://127.0.0.1');
  const me = { worker: slot, pid: process.pid };
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return json(response, 200, me);
    case 'GET /slow':
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      await sleep(inQuery(url, 'ms', 300));
      return response.end(JSON.stringify(me));
    case 'GET /error':
      return json(response, 500, me);
    case 'GET /leak':
      // Filled, because memory that was never written is not resident.
      leaked.push(Buffer.alloc(inQuery(url, 'mb', 10) * 2 ** 20, 1));
      return json(response, 200, me);
    case 'GET /block':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, inQuery(url, 'ms', 1000));
      return json(response, 200, me);
    case 'GET /burn':
      burn(inQuery(url, 'ms', 1000));
      return json(response, 200, me);
    default:
      return json(response, 404, me);
  }
}

function burn(millis) {
  const code = `const end = performance.now() + ${millis}; while (performance.now() < end);`;
  new Thread(code, { eval: true }).unref();
}
