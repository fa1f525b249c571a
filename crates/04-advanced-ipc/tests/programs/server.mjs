// Exercise 4 in Node: workers that ask each other, through their primary.
//
//     cargo xtask check 4 --program "node crates/04-advanced-ipc/tests/programs/server.mjs"

import cluster from 'node:cluster';

import { number } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { Exchange } from './exchange.mjs';
import { Office } from './office.mjs';

const settings = {
  port: number('PORT', 8000, { most: 65_535 }),
  workers: number('WORKERS', 3, { least: 1, most: 64 }),
  requestTimeoutMs: number('REQUEST_TIMEOUT_MS', 5000),
  maxInFlight: number('MAX_IN_FLIGHT', 256, { least: 1 }),
  queueLimit: number('QUEUE_LIMIT', 64, { least: 1 }),
  redeliver: number('REDELIVER', 0, { most: 1 }) === 1,
  readyTimeoutMs: number('READY_TIMEOUT_MS', 5000),
  drainTimeoutMs: number('DRAIN_TIMEOUT_MS', 10_000),
  /** How long the primary waits for a worker beyond the worker's own deadline. */
  escalationMs: 2000,
  lameDuckMs: number('LAME_DUCK_MS', 300),
  restartDelayMs: number('RESTART_DELAY_MS', 200),
  restartDelayMaxMs: number('RESTART_DELAY_MAX_MS', 10_000),
};

if (cluster.isPrimary) await Exchange.start(settings);
else new Office(settings);
