// A worker: it serves its routes, answers what it is asked, and keeps its messages.

import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { Connections } from '../../../01-graceful-shutdown/tests/programs/drain.mjs';
import { LONGEST_MS } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { Calls } from './calls.mjs';
import { Channel, inTwoHalves } from './frames.mjs';
import { Routes } from './routes.mjs';

const MOST_MESSAGES = 10_000;
const BROKEN = {
  garbage: Buffer.from('\0\0\0\x04tea!'),
  truncated: Buffer.from('\0\0\0\x0ahalf '),
  oversized: Buffer.alloc(4, 0xff),
};

// What the primary answers itself (`/send`) needs no worker, so it must not wait for a place of one.
const TO_THE_PRIMARY = 1000;

export class Office {
  holding = 0;
  served = 0;
  messages = [];
  /** How long the last calls of its clients took, in milliseconds. */
  times = [];
  #told = 0;
  #connections;
  #leave;
  #mayLeave = new Promise((resolve) => (this.#leave = resolve));

  constructor(settings) {
    this.settings = settings;
    this.me = { worker: Number(process.env.SLOT), pid: process.pid };
    // A signal to the whole group is for the primary. A worker obeys its channel alone.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});
    this.channel = new Channel(new net.Socket({ fd: 4 }), {
      heard: (message) => this.#heard(message),
      // Without its primary a worker ends: no process would start its successor.
      ended: () => process.exit(1),
    });
    const toWorkers = settings.maxInFlight * settings.workers;
    this.calls = new Calls(this.channel, toWorkers + TO_THE_PRIMARY);
    const routes = new Routes(this);
    const server = http.createServer((request, response) => {
      routes.respond(request, response).catch(() => response.destroy());
    });
    this.#connections = new Connections(server);
    server.listen(settings.port, '127.0.0.1', () => this.channel.send({ is: 'ready' }));
  }

  #heard(message) {
    switch (message.is) {
      case 'question':
        return this.#answer(message);
      case 'reply':
        return this.calls.answered(message.id, message.outcome);
      case 'message':
        this.#keep(message);
        this.#told += 1;
        return this.channel.send({ is: 'acknowledged', number: this.#told });
      case 'drain':
        return this.#drain(message.timeoutMs);
      case 'leave':
        return this.#leave();
    }
  }

  #keep({ from, text }) {
    if (this.messages.length === MOST_MESSAGES) this.messages.shift();
    this.messages.push({ from, text });
  }

  async #drain(timeoutMs) {
    this.calls.endBy(performance.now() + timeoutMs / 2);
    const deadline = sleep(timeoutMs);
    const { lameDuckMs } = this.settings;
    const cut = await this.#connections.drain({ timeoutMs, lameDuckMs });
    this.channel.send({ is: 'drained', answered: this.#connections.answered, cut });
    // Others may still ask this worker.
    await Promise.race([this.#mayLeave, deadline]);
    await this.channel.flush();
    process.exit(0);
  }

  async #answer(question) {
    const { within, fault } = question;
    this.holding += 1;
    const isOnTime = !['late', 'twice', 'split'].includes(fault);
    // An answer after the deadline is useless, but for the faults that ask for one.
    const millis = isOnTime ? Math.min(Math.ceil(within), LONGEST_MS) : LONGEST_MS;
    const limit = AbortSignal.timeout(millis);
    await this.#reply(question, limit).catch(() => {});
    this.holding -= 1;
  }

  async #reply(question, signal) {
    const { id, fault } = question;
    const said = { ...this.me };
    if (question.what === 'echo') {
      // Not even a timer of 0 ms: it would let later answers pass.
      if (question.after > 0) await sleep(question.after, undefined, { signal });
      said.text = question.text;
    } else if (question.what === 'requests') {
      Object.assign(said, { requests: this.served, times: this.times });
    } else if (question.what === 'keep') {
      this.#keep(question);
    }
    const message = { is: 'reply', id, outcome: { said } };
    if (fault === 'never') await sleep(LONGEST_MS, undefined, { signal });
    if (fault === 'split') return void this.channel.sendRaw(inTwoHalves(message));
    this.channel.send(message);
    if (fault === 'twice') {
      await sleep(500);
      this.channel.send(message);
    } else if (fault === 'last-word') {
      await this.channel.flush();
      process.exit(0);
    }
  }

  canMisbehave(kind) {
    return Object.hasOwn(BROKEN, kind);
  }

  async misbehave(kind) {
    this.channel.sendRaw([{ data: BROKEN[kind], pauseMs: 0 }]);
    if (kind !== 'truncated') return;
    await this.channel.flush();
    this.channel.closeOwnEnd();
  }
}
