// The connections of an HTTP server, and their end: the part of a graceful shutdown that Node's
// `server.close()` and `server.closeIdleConnections()` don't do.

import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export class Connections {
  /** Requests answered to the last byte, since the drain began. */
  answered = 0;
  isDraining = false;
  #server;
  /** Of each open socket: the answers that are owed on it, and the bytes of finished requests. */
  #open = new Map();
  #lameDuckIsOver = false;
  #changed = () => {};

  constructor(server) {
    this.#server = server;
    // By default Node closes a connection that is idle for 5 s, and a client may use it just then.
    server.keepAliveTimeout = 0;
    server.on('connection', (socket) => this.#opened(socket));
    // Before the program's own listener, so that an answer knows in time that it is the last one.
    server.prependListener('request', (request, response) => this.#asked(request, response));
  }

  /**
   * Stops accepting, answers what it owes, and closes every connection: idle ones after
   * `lameDuckMs`, the others after their answer or, whatever they owe, after `timeoutMs`.
   * Resolves when no connection is left, with the number of those that still owed an answer.
   */
  async drain({ timeoutMs, lameDuckMs }) {
    this.isDraining = true;
    for (const { owed } of this.#open.values()) owed.forEach(announceClose);
    let cut = 0;
    const lameDuck = setTimeout(() => this.#endLameDuck(), lameDuckMs);
    const deadline = setTimeout(() => (cut = this.#cut()), timeoutMs);
    await this.#stopAccepting();
    await this.#noneIsOpen();
    clearTimeout(lameDuck);
    clearTimeout(deadline);
    return cut;
  }

  async #stopAccepting() {
    // The last close of a listener resets what waits in the kernel's queue, requests included. In
    // each turn of its loop Node accepts all that is there; the first of these turns has begun.
    await nextTurn();
    await nextTurn();
    // `this.#server.close()` would close idle connections now, with requests on their way to them.
    net.Server.prototype.close.call(this.#server);
  }

  #noneIsOpen() {
    return new Promise((resolve) => {
      this.#changed = () => this.#open.size === 0 && resolve();
      this.#changed();
    });
  }

  #opened(socket) {
    this.#open.set(socket, { owed: new Set(), finished: 0 });
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#changed();
    });
  }

  #asked({ socket }, response) {
    const connection = this.#open.get(socket);
    connection.owed.add(response);
    if (this.isDraining) announceClose(response);
    // Not `finish`: an answer to a client that is gone never finishes.
    response.once('close', () => {
      connection.owed.delete(response);
      connection.finished = socket.bytesRead;
      if (this.isDraining && response.writableFinished) this.answered += 1;
      if (this.#lameDuckIsOver) closeIfIdle(socket, connection);
    });
  }

  #endLameDuck() {
    this.#lameDuckIsOver = true;
    for (const [socket, connection] of this.#open) closeIfIdle(socket, connection);
  }

  /** Cuts what is left. Half a request head isn't a request, so its connection owes nothing. */
  #cut() {
    const owing = [...this.#open.values()].filter(({ owed }) => owed.size > 0);
    for (const socket of this.#open.keys()) socket.destroy();
    return owing.length;
  }
}

/** Too late if the head of the answer is out: then the drain closes the connection after it. */
function announceClose(response) {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function closeIfIdle(socket, { owed, finished }) {
  // More bytes than those of finished requests are the beginning of the next one.
  if (owed.size === 0 && socket.bytesRead === finished) socket.destroySoon();
}
