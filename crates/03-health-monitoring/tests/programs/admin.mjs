// What operators are told. The primary answers from what it knows: it asks no worker.

import { json } from '../../../02-rolling-restart/tests/programs/worker.mjs';
import { openFiles, residentBytes } from './usage.mjs';

export function answerOperators({ method, url }, response, slots) {
  switch (`${method} ${url}`) {
    case 'GET /health':
      return health(response, slots);
    case 'GET /metrics':
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' });
      return response.end(metrics(slots));
    default:
      return json(response, 404, { routes: ['/health', '/metrics'] });
  }
}

function health(response, slots) {
  const ready = slots.filter(({ state }) => state === 'ready').length;
  const hasMajority = ready * 2 > slots.length;
  const all = ready === slots.length ? 'healthy' : 'degraded';
  const status = hasMajority ? all : 'unhealthy';
  json(response, hasMajority ? 200 : 503, { status, ready, workers: slots.map(figures) });
}

function figures({ number, state, worker, requests, errors, restarts }) {
  const pid = worker?.pid ?? null;
  const known = { worker: number, state, pid, requests, errors, restarts };
  if (!worker || worker.readyAt === null) return known;
  const { health } = worker;
  return {
    ...known,
    heartbeat_age_ms: Math.floor(health.ageMs(performance.now())),
    lag_ms: health.lagMs,
    rss_bytes: residentBytes(pid),
    open_files: openFiles(pid),
  };
}

function metrics(slots) {
  const families = [
    ['worker_requests_total', 'counter', ({ requests }) => requests],
    ['worker_errors_total', 'counter', ({ errors }) => errors],
    ['worker_restarts_total', 'counter', ({ restarts }) => restarts],
    ['worker_up', 'gauge', ({ state }) => Number(state === 'ready')],
  ];
  const lines = families.flatMap(([name, kind, value]) => [
    `# TYPE ${name} ${kind}`,
    ...slots.map((slot) => `${name}{worker="${slot.number}"} ${value(slot)}`),
  ]);
  return `${lines.join('\n')}\n`;
}
