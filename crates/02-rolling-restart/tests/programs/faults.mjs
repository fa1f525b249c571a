// FAULTS, with which a check breaks a deploy: `VERSION:FAULT` or `VERSION/SLOT:FAULT`.

import { setTimeout as sleep } from 'node:timers/promises';

import { refuse } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

const VERSION = /^(\d+\.\d+\.\d+)(?:\/(\d+))?:/;
const FAULT = /(?:(slow-start|crash-after-ready):(\d+)|(never-ready|crash-at-start))$/;
const ENTRY = new RegExp(VERSION.source + FAULT.source);

/** The faults of the environment, as a list of `{ version, slot, fault, ms }`. */
export function faults() {
  const entries = (process.env.FAULTS ?? '').split(',').filter((entry) => entry !== '');
  return entries.map((entry) => {
    const [, version, slot, timed, ms, plain] = entry.match(ENTRY) ?? refuse(
      `FAULTS=${entry} makes no sense: write VERSION:FAULT or VERSION/SLOT:FAULT`,
    );
    return { version, slot: slot && Number(slot), fault: timed ?? plain, ms: Number(ms) };
  });
}

/** The fault of a worker, if it has one: the first in the list that is about it. */
export function faultOf(version, slot) {
  const own = faults().find((it) => it.version === version && (it.slot ?? slot) === slot);
  const { fault, ms } = own ?? {};
  return {
    /** Resolves when the worker may begin to serve, if it ever may. */
    async start() {
      if (fault === 'crash-at-start') process.exit(1);
      if (fault === 'slow-start') await sleep(ms);
      if (fault === 'never-ready') await new Promise(() => {});
    },
    afterReady() {
      if (fault === 'crash-after-ready') setTimeout(() => process.exit(1), ms);
    },
  };
}
