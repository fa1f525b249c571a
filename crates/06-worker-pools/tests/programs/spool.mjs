// The file in which tasks survive: one line for each change, and the last line of a task counts.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';

import { refuse } from '../../../01-graceful-shutdown/tests/programs/settings.mjs';

const HEADER = '{"spool":1}';
/** This many lines that count no more are worth less than writing the file anew. */
const SLACK = 1000;

export class Spool {
  /** The tasks, in the order of their last lines. */
  tasks = new Map();
  next = 1;
  #path;
  #file;
  #lines = 0;

  /** Opens it, or says why it can't be used. */
  static async open(path) {
    const spool = new Spool(path);
    try {
      fs.closeSync(fs.openSync(path, 'a'));
      await spool.#lock();
      spool.#read();
      spool.#writeAnew();
    } catch (error) {
      spool.#refuse(`a file that can be used (${error.code ?? error.message})`);
    }
    return spool;
  }

  constructor(path) {
    this.#path = path;
  }

  #refuse(wanted) {
    refuse(`SPOOL=${this.#path} makes no sense: write ${wanted}`);
  }

  /** Node has no lock for files. An abstract socket is one program's, and ends with its process. */
  async #lock() {
    const digest = createHash('sha256').update(fs.realpathSync(this.#path)).digest('hex');
    const lock = net.createServer().unref();
    await new Promise((resolve) => {
      lock.on('error', () => this.#refuse('a spool that no other program uses'));
      lock.listen(`\0spool-${digest}`, resolve);
    });
  }

  #read() {
    const text = fs.readFileSync(this.#path, 'utf8');
    if (!text.startsWith(`${HEADER}\n`) && !`${HEADER}\n`.startsWith(text)) {
      this.#refuse("a spool of this program, or a file that isn't there yet");
    }
    // Half a last line was never acknowledged.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').slice(1, -1);
    for (const line of whole) this.#replay(JSON.parse(line));
  }

  #replay(line) {
    if (line.next) {
      this.next = Math.max(this.next, line.next);
      return;
    }
    this.#keep(line);
  }

  #keep(task) {
    this.tasks.delete(task.id);
    this.tasks.set(task.id, task);
    this.next = Math.max(this.next, task.id + 1);
  }

  #writeAnew() {
    const fresh = `${this.#path}.new`;
    const lines = [{ next: this.next }, ...this.tasks.values()].map((line) => JSON.stringify(line));
    fs.writeFileSync(fresh, `${[HEADER, ...lines].join('\n')}\n`, { flush: true });
    fs.renameSync(fresh, this.#path);
    if (this.#file) fs.closeSync(this.#file);
    this.#file = fs.openSync(this.#path, 'a');
    this.#lines = lines.length;
  }

  /** When this returns, the kernel has it. A line that could be written in part is taken back. */
  write(task) {
    const line = Buffer.from(`${JSON.stringify(task)}\n`);
    const { size } = fs.fstatSync(this.#file);
    if (fs.writeSync(this.#file, line) !== line.length) {
      fs.ftruncateSync(this.#file, size);
      throw new Error('no room for the whole line');
    }
    this.#lines += 1;
    this.#keep({ ...task });
    if (this.#lines > 2 * this.tasks.size + SLACK) this.#tryToWriteAnew();
  }

  /** If there is no room for that, the old file goes on. */
  #tryToWriteAnew() {
    try {
      this.#writeAnew();
    } catch (error) {
      process.stderr.write(`the spool can't be written anew: ${error.message}\n`);
    }
  }

  forget(id) {
    this.tasks.delete(id);
  }
}
