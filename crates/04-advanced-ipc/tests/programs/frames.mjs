// A channel of frames over a socket: four bytes of length, then JSON. Bytes that aren't a frame end it.

/** A text of 16 KiB can have six bytes in JSON for each of its own. */
const LONGEST_FRAME = 128 * 1024;
const HEAD = 4;

/** `heard(message)` gets each message, `ended()` comes once, when everything was heard. */
export class Channel {
  #socket;
  /**
   * What waits to be written: by key a list of pieces, with a pause after each. Not the socket's own
   * buffer, which has no limit, and from which no frame can be taken back.
   */
  #waiting = new Map();
  #next = 0;
  #isWriting = false;
  #flushed = [];
  #received = Buffer.alloc(0);
  #hasEnded = false;
  #hooks;

  constructor(socket, hooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    socket.on('data', (data) => this.#read(data));
    // The peer is gone: what is sent from now on goes nowhere.
    socket.on('error', () => this.#end());
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
  }

  /** Never waits. Returns the key of the frame, for `takeBack`. */
  send(message) {
    return this.sendRaw([{ data: encode(message), pauseMs: 0 }]);
  }

  sendRaw(pieces) {
    this.#next += 1;
    if (this.#hasEnded) return this.#next;
    this.#waiting.set(this.#next, pieces);
    if (!this.#isWriting) this.#write();
    return this.#next;
  }

  /** A frame that has not been written yet is never written. */
  takeBack(key) {
    this.#waiting.delete(key);
  }

  /** Resolves when the kernel has every frame. */
  flush() {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.push(resolve));
  }

  closeOwnEnd() {
    this.#socket.end();
  }

  close() {
    this.#waiting.clear();
    this.#socket.destroy();
  }

  async #write() {
    this.#isWriting = true;
    while (this.#waiting.size > 0) {
      const [[key, pieces]] = this.#waiting;
      this.#waiting.delete(key);
      for (const { data, pauseMs } of pieces) {
        await new Promise((written) => this.#socket.write(data, written));
        if (pauseMs > 0) await new Promise((over) => setTimeout(over, pauseMs));
      }
    }
    this.#isWriting = false;
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  #read(data) {
    this.#received = Buffer.concat([this.#received, data]);
    while (!this.#hasEnded && this.#received.length >= HEAD) {
      const length = this.#received.readUInt32BE();
      if (length > LONGEST_FRAME) return this.#end();
      if (this.#received.length < HEAD + length) return;
      const message = parse(this.#received.subarray(HEAD, HEAD + length));
      this.#received = this.#received.subarray(HEAD + length);
      if (message === null) return this.#end();
      this.#hooks.heard(message);
    }
  }

  #end() {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#waiting.clear();
    this.#hooks.ended();
  }
}

function parse(bytes) {
  try {
    const message = JSON.parse(bytes.toString());
    return typeof message?.is === 'string' ? message : null;
  } catch {
    return null;
  }
}

function encode(message) {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

export function inTwoHalves(message) {
  const data = encode(message);
  const half = data.length >> 1;
  return [
    { data: data.subarray(0, half), pauseMs: 300 },
    { data: data.subarray(half), pauseMs: 0 },
  ];
}
