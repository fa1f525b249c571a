// The routes of PROTOCOL.md. What goes to another worker is a call.

import { inQuery } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';
import { json } from '../../../02-rolling-restart/tests/programs/worker.mjs';

const LONGEST_TEXT = 16 * 1024;
const LONGEST_TOPIC = 100;
const MOST_TIMES = 256;
const STATUS = { timeout: 504, died: 502, full: 503 };

export class Routes {
  #office;

  constructor(office) {
    this.#office = office;
  }

  async respond(request, response) {
    const url = new URL(request.url, 'http://127.0.0.1');
    const text = (await body(request)) || Buffer.from(url.searchParams.get('text') ?? '');
    if (text.length > LONGEST_TEXT) {
      return json(response, 413, { error: 'a text has at most 16 KiB' });
    }
    const within = inQuery(url, 'timeout_ms', this.#office.settings.requestTimeoutMs);
    const asked = { url, text: text.toString(), within };
    const [, route, ...rest] = url.pathname.split('/');
    const key = [request.method, route, rest.length].join(' ');
    const { me, messages, holding } = this.#office;
    switch (key) {
      case 'GET  0':
        this.#office.served += 1;
        return json(response, 200, { ...me, holding });
      case 'GET messages 0':
        return json(response, 200, { messages });
      case 'GET stats 0':
        return this.#stats(response, asked);
      case 'GET broadcast 0':
      case 'POST broadcast 0':
        return this.#spread(response, this.#slots(), asked);
      case 'GET ask 1':
      case 'POST ask 1':
        return this.#ask(response, rest[0], asked);
      case 'GET send 1':
      case 'POST send 1':
        return this.#send(response, rest[0], asked);
      case 'GET subscribe 1':
      case 'POST subscribe 1':
        return this.#subscribe(response, rest[0], asked);
      case 'GET publish 1':
      case 'POST publish 1':
        return this.#publish(response, rest[0], asked);
      case 'POST fault 0':
        return this.#fault(response, url.searchParams.get('kind'));
      default:
        return json(response, 404, { error: 'no such route' });
    }
  }

  #slots() {
    return Array.from({ length: this.#office.settings.workers }, (_, index) => index + 1);
  }

  #slot(text) {
    return this.#slots().find((slot) => String(slot) === text);
  }

  #call(to, within, question) {
    const { calls, me } = this.#office;
    return calls.call({ ...question, from: me.worker, to }, within);
  }

  async #ask(response, worker, { url, text, within }) {
    const slot = this.#slot(worker);
    if (!slot) return json(response, 404, { error: 'no such worker' });
    const [after, fault] = [inQuery(url, 'ms', 0), url.searchParams.get('fault')];
    const began = performance.now();
    const outcome = await this.#call(slot, within, { what: 'echo', text, after, fault });
    // A call that was refused took no time.
    if (outcome.failed !== 'full') this.#took(performance.now() - began);
    if (outcome.failed) return fail(response, outcome);
    json(response, 200, { ...this.#office.me, answer: outcome.said });
  }

  #took(millis) {
    const { times } = this.#office;
    if (times.length === MOST_TIMES) times.shift();
    times.push(Math.round(millis));
  }

  async #send(response, worker, { url, text, within }) {
    const slot = this.#slot(worker);
    if (!slot) return json(response, 404, { error: 'no such worker' });
    const priority = url.searchParams.get('priority') === 'high' ? 'high' : 'normal';
    const outcome = await this.#call(slot, within, { what: 'accept', text, priority });
    if (outcome.failed) return fail(response, outcome);
    json(response, 202, outcome.said);
  }

  async #subscribe(response, topic, { within }) {
    if (!isTopic(topic)) return json(response, 404, { error: 'a topic has 1 to 100 bytes' });
    const { me } = this.#office;
    // The primary answers, whichever worker is asked.
    const outcome = await this.#call(me.worker, within, { what: 'subscribe', topic });
    if (outcome.failed) return fail(response, outcome);
    json(response, 200, { ...me, topic });
  }

  async #publish(response, topic, asked) {
    if (!isTopic(topic)) return json(response, 404, { error: 'a topic has 1 to 100 bytes' });
    const deadline = performance.now() + asked.within;
    const { worker } = this.#office.me;
    const outcome = await this.#call(worker, asked.within, { what: 'subscribers', topic });
    if (outcome.failed) return fail(response, outcome);
    const within = deadline - performance.now();
    return this.#spread(response, outcome.said.slots, { ...asked, within });
  }

  /** The text for these workers, all at once. */
  async #spread(response, slots, { text, within }) {
    const gathered = await this.#gather(slots, within, { what: 'keep', text });
    const acknowledged = gathered.filter(({ said }) => said).map(({ slot }) => slot);
    json(response, 200, { acknowledged, missing: missing(gathered) });
  }

  async #stats(response, { within }) {
    const gathered = await this.#gather(this.#slots(), within, { what: 'requests' });
    const said = gathered.flatMap((one) => one.said ?? []);
    const workers = said.map(({ worker, pid, requests }) => ({ worker, pid, requests }));
    const times = said.flatMap((one) => one.times).sort((one, other) => one - other);
    json(response, 200, {
      requests: workers.reduce((sum, { requests }) => sum + requests, 0),
      workers,
      missing: missing(gathered),
      p50_ms: percentile(times, 50),
      p99_ms: percentile(times, 99),
    });
  }

  #gather(slots, within, question) {
    const calls = slots.map(async (slot) => {
      return { slot, ...(await this.#call(slot, within, question)) };
    });
    return Promise.all(calls);
  }

  #fault(response, kind) {
    if (!this.#office.canMisbehave(kind)) return json(response, 400, { error: 'no such kind' });
    json(response, 202, this.#office.me);
    return this.#office.misbehave(kind);
  }
}

function missing(gathered) {
  const failed = gathered.filter((one) => one.failed);
  return failed.map(({ slot, failed: why }) => ({ worker: slot, why }));
}

function fail(response, { failed }) {
  if (failed === 'full') response.setHeader('Retry-After', '1');
  json(response, STATUS[failed], { error: failed });
}

/** The nearest rank; null without calls. */
function percentile(sorted, percent) {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? null;
}

function isTopic(topic) {
  return topic.length >= 1 && topic.length <= LONGEST_TOPIC;
}

/** The body, but no more of it than is needed to see that it is too long; null if there is none. */
async function body(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length <= LONGEST_TEXT + piece.length) pieces.push(piece);
  }
  return length > 0 ? Buffer.concat(pieces) : null;
}
