// What the primary answers its clients.

import { KINDS } from './compute.mjs';
import { Refused } from './pool.mjs';

const LONGEST_BODY = 64 * 1024;
const LONGEST_KEY = 200;
const STATUSES = ['queued', 'processing', 'completed', 'failed', 'cancelled'];

export async function answer(primary, request, response) {
  let reply;
  try {
    reply = await route(primary, request);
  } catch (error) {
    // A client that left in the middle of its request gets no answer.
    if (request.destroyed && error.code === 'ECONNRESET') return;
    if (!(error instanceof Refused)) throw error;
    reply = [error.status, { error: error.message }];
  }
  const [status, value] = reply;
  const again = status === 429 || status === 503 ? { 'Retry-After': '1' } : {};
  response.writeHead(status, { 'Content-Type': 'application/json', ...again });
  response.end(JSON.stringify(value));
}

async function route(primary, request) {
  const [, first, second, ...more] = request.url.split('?')[0].split('/');
  const isTask = first === 'task' && second !== undefined && more.length === 0;
  const isAlone = second === undefined;
  if (isTask && request.method === 'GET') return [200, shown(find(primary.pool, second))];
  if (isTask && request.method === 'DELETE') return cancel(primary, second);
  if (first === 'task' && isAlone && request.method === 'POST') return submit(primary, request);
  if (first === 'stats' && isAlone && request.method === 'GET') return [200, stats(primary)];
  const isKnown = isTask || (isAlone && (first === 'task' || first === 'stats'));
  throw isKnown ? new Refused(405, 'no such method here') : new Refused(404, 'no such route');
}

function find(pool, text) {
  const id = Number(text);
  // As it was given out: 7, and neither +7 nor 007.
  if (String(id) !== text || !Number.isSafeInteger(id) || id < 1 || id >= pool.next) {
    throw new Refused(404, 'no such task');
  }
  const task = pool.tasks.get(id);
  if (!task) throw new Refused(410, 'this task has ended, and is forgotten');
  return task;
}

function shown({ id, type, n, status, attempts, result, error }) {
  return { id, type, n, status, attempts, result, error };
}

function cancel({ pool, workers }, text) {
  const task = find(pool, text);
  const { pid, isRunning } = pool.cancel(task.id);
  if (isRunning) workers.recycle(pid);
  else if (pid) workers.tell(pid, { forget: task.id });
  return [200, shown(task)];
}

function stats({ pool, workers, isDraining }) {
  const submitted = pool.next - 1;
  const counts = Object.fromEntries(STATUSES.map((status) => [status, pool.count(status)]));
  const all = workers.all.filter(({ pid }) => pool.workers.has(pid));
  const listed = all.map(({ slot, pid }) => {
    return { worker: slot, pid, task: pool.running(pid)?.id ?? null };
  });
  const there = listed.filter(({ task }) => !isDraining || task !== null);
  return { submitted, ...counts, forgotten: submitted - pool.tasks.size, workers: there };
}

async function submit(primary, request) {
  const key = request.headers['idempotency-key'] ?? null;
  if (key !== null && (key.length < 1 || key.length > LONGEST_KEY)) {
    throw new Refused(400, `Idempotency-Key has 1 to ${LONGEST_KEY} characters`);
  }
  const wish = read(await bodyOf(request));
  // Nothing below waits, so clients that come at once find different places.
  if (primary.isDraining) throw new Refused(503, 'the pool is ending');
  return [202, { id: primary.pool.submit({ ...wish, key }) }];
}

async function bodyOf(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > LONGEST_BODY) throw new Refused(413, 'a body has at most 64 KiB');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function read(text) {
  const body = parse(text);
  const kind = KINDS.get(body?.type);
  if (!kind) throw new Refused(400, `type is one of ${[...KINDS.keys()].join(', ')}`);
  const { type, n, priority = 0 } = body;
  const isBetween = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;
  if (!isBetween(n, kind.least, kind.most)) {
    throw new Refused(400, `n of ${type} is a whole number from ${kind.least} to ${kind.most}`);
  }
  if (!isBetween(priority, 0, 9)) throw new Refused(400, 'priority is a whole number from 0 to 9');
  return { type, n, priority };
}

/** `JSON.parse` takes 7.0 and 7e0 for 7. Here a number that isn't written as a whole one is null. */
function parse(text) {
  try {
    JSON.parse(text);
  } catch {
    throw new Refused(400, "the body isn't JSON");
  }
  const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  const isKept = (found) => found.startsWith('"') || /^-?\d+$/.test(found);
  return JSON.parse(text.replace(textOrNumber, (found) => (isKept(found) ? found : 'null')));
}
