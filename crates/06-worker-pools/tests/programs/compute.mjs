// What a task does. What computes runs on a thread, so the worker's loop goes on hearing its primary.

import { createHash } from 'node:crypto';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const LARGEST = Number.MAX_SAFE_INTEGER;

/** Of each type: the least and the largest `n`, and what is computed; `hold` and `crash` aren't. */
export const KINDS = new Map([
  ['fibonacci', { least: 0, most: 40, work: fibonacci }],
  ['prime', { least: 0, most: LARGEST, work: isPrime }],
  ['hash', { least: 1, most: 1_000_000, work: rounds }],
  ['hold', { least: 0, most: LARGEST }],
  ['spin', { least: 0, most: LARGEST, work: spin }],
  ['crash', { least: 0, most: LARGEST }],
]);

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

function isPrime(n) {
  if (n < 4) return n > 1;
  if (n % 2 === 0) return false;
  for (let odd = 3; odd * odd <= n; odd += 2) if (n % odd === 0) return false;
  return true;
}

function rounds(n) {
  let digest = Buffer.alloc(32);
  for (let round = 0; round < n; round += 1) digest = createHash('sha256').update(digest).digest();
  return digest.toString('hex');
}

function spin() {
  for (;;);
}

/** A thread that takes one task at a time. A thread for each task would take longer than the task. */
export class Thread {
  #worker = new Worker(new URL(import.meta.url));

  async compute(type, n) {
    this.#worker.postMessage({ type, n });
    return new Promise((resolve) => this.#worker.once('message', resolve));
  }
}

if (!isMainThread) {
  parentPort.on('message', ({ type, n }) => parentPort.postMessage(KINDS.get(type).work(n)));
}
