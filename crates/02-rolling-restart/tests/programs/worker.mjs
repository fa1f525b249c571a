// A worker: it answers requests, and drains when its primary says so.

import http from 'node:http';

import { Connections } from '../../../01-graceful-shutdown/tests/programs/drain.mjs';
import { faultOf } from './faults.mjs';

/**
 * Serves with `answer(request, response, worker)`. `onOrder` gets orders that aren't about a drain,
 * `onReady` begins what runs beside the server, and `lastWord` is told with the end of the drain.
 */
export async function runWorker({ port, lameDuckMs, answer, onOrder, onReady, lastWord }) {
  // A signal to the whole group is meant for the primary. A worker obeys its orders alone. If the
  // primary dies, `cluster` ends the worker by itself.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => {});
  const worker = { slot: Number(process.env.SLOT), version: process.env.VERSION, readyAt: 0 };
  const server = http.createServer((request, response) => {
    Promise.resolve(answer(request, response, worker)).catch(() => response.destroy());
  });
  const connections = new Connections(server);
  process.on('message', async (order) => {
    if (order.drain === undefined) return onOrder(order);
    const limits = { timeoutMs: order.drain, lameDuckMs };
    const cut = server.listening ? await connections.drain(limits) : 0;
    const drained = { answered: connections.answered, cut, ...lastWord?.() };
    process.send({ drained }, () => process.exit(0));
  });
  // Messages that come before there is a listener for them are lost.
  process.send({ hears: true });
  const fault = faultOf(worker.version, worker.slot);
  await fault.start();
  server.listen(port, '127.0.0.1', () => {
    worker.readyAt = performance.now();
    process.send({ ready: true });
    onReady?.();
    fault.afterReady();
  });
  return worker;
}

export function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}
