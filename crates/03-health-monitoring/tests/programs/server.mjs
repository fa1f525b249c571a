// Exercise 3 in Node: the primary watches its workers, and replaces those that are sick.
//
//     cargo xtask check 3 --program "node crates/03-health-monitoring/tests/programs/server.mjs"

import cluster from 'node:cluster';

import { number, refuse } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { faults } from '../../../02-rolling-restart/tests/programs/faults.mjs';
import { Primary } from './primary.mjs';
import { runMonitored } from './monitored.mjs';

const heartbeatMs = number('HEARTBEAT_MS', 3000, { least: 1 });
const settings = {
  port: number('PORT', 8000, { most: 65_535 }),
  adminPort: number('ADMIN_PORT', 8001, { most: 65_535 }),
  workers: number('WORKERS', 3, { least: 1, most: 64 }),
  readyTimeoutMs: number('READY_TIMEOUT_MS', 5000),
  drainTimeoutMs: number('DRAIN_TIMEOUT_MS', 10_000),
  /** How long the primary waits for a worker beyond the worker's own deadline. */
  escalationMs: 2000,
  lameDuckMs: number('LAME_DUCK_MS', 300),
  restartDelayMs: number('RESTART_DELAY_MS', 200),
  restartDelayMaxMs: number('RESTART_DELAY_MAX_MS', 10_000),
  heartbeatMs,
  heartbeatTimeoutMs: number('HEARTBEAT_TIMEOUT_MS', 10_000, { least: 2 * heartbeatMs }),
  memoryLimitMb: number('MEMORY_LIMIT_MB', 100, { least: 1 }),
  errorRateLimit: number('ERROR_RATE_LIMIT', 20, { most: 100 }),
  minRequests: number('MIN_REQUESTS', 10),
  windowMs: number('WINDOW_MS', 30_000, { least: 1 }),
  maxRestarts: number('MAX_RESTARTS', 5),
  retryAfterMs: number('RETRY_AFTER_MS', 300_000),
  cpuLimit: number('CPU_LIMIT', 0),
  reportMs: number('REPORT_MS', 15_000, { least: 1 }),
  alertUrl: alertUrl(process.env.ALERT_URL),
};

function alertUrl(text) {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' && url.username === '' && url.password === '') return url;
  return refuse(`ALERT_URL=${text} makes no sense: write one like http://127.0.0.1:9000/alerts`);
}

faults();
if (cluster.isPrimary) await Primary.start(settings);
else await runMonitored(settings);
