// Which task runs when, where, and how often. Nothing in here waits.

/** Tasks wait, or another task has this key, or the task has ended: a status and a sentence. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const hasEnded = ({ status }) => status !== 'queued' && status !== 'processing';

/** Where a task stands: one that was started before comes first, and no priority passes forever. */
const placeOf = ({ attempts, id, priority }) => (attempts > 0 ? [0, id] : [1, id - 10 * priority]);

function isBefore(one, other) {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a[0] - b[0] || a[1] - b[1] || one.id - other.id;
}

export class Pool {
  tasks = new Map();
  /** Workers that may have tasks, and when each must have taken its next step. */
  workers = new Map();
  #settings;
  #spool;
  #ended = [];

  constructor(settings, spool) {
    this.#settings = settings;
    this.#spool = spool;
    this.next = spool.next;
    const recovered = [...spool.tasks.values()].map((task) => ({ ...task }));
    for (const task of recovered.toSorted((a, b) => a.id - b.id)) this.tasks.set(task.id, task);
    for (const task of recovered.filter(hasEnded)) this.#remember(task);
    for (const pid of new Set(recovered.map((task) => task.pid))) if (pid) this.lost(pid);
  }

  of(pid) {
    return [...this.tasks.values()].filter((task) => task.pid === pid);
  }

  running(pid) {
    return this.of(pid).find(({ status }) => status === 'processing');
  }

  count(wanted) {
    return [...this.tasks.values()].filter(({ status }) => status === wanted).length;
  }

  get deadline() {
    return Math.min(...this.workers.values());
  }

  #expectStep(pid) {
    if (this.workers.has(pid)) this.workers.set(pid, performance.now() + this.#settings.taskTimeoutMs);
  }

  #keep(task) {
    try {
      this.#spool.write(task);
    } catch (error) {
      // It may run again after the next start. That is no reason to stop now.
      process.stderr.write(`task ${task.id} can't be written: ${error.message}\n`);
    }
  }

  #end(task, status, fields = {}) {
    Object.assign(task, { status, pid: null }, fields);
    this.#keep(task);
    this.#remember(task);
  }

  #remember(task) {
    this.#ended.push(task.id);
    while (this.#ended.length > this.#settings.resultsLimit) {
      const oldest = this.#ended.shift();
      this.tasks.delete(oldest);
      this.#spool.forget(oldest);
    }
  }

  submit(wish) {
    const known = wish.key && [...this.tasks.values()].find(({ key }) => key === wish.key);
    if (known) {
      const isSame = Object.entries(wish).every(([name, value]) => known[name] === value);
      if (!isSame) throw new Refused(422, 'another task has this Idempotency-Key');
      return known.id;
    }
    if (this.count('queued') >= this.#settings.queueLimit) {
      throw new Refused(429, 'too many tasks wait');
    }
    const id = this.next;
    const task = { id, ...wish, status: 'queued', attempts: 0, result: null, error: null, pid: null };
    try {
      this.#spool.write(task);
    } catch (error) {
      throw new Refused(503, `the spool can't be written: ${error.message}`);
    }
    this.next += 1;
    this.tasks.set(id, task);
    return id;
  }

  /** The next task and its worker, if there are both. */
  dispatch() {
    const loads = [...this.workers.keys()].map((pid) => ({ pid, load: this.of(pid).length }));
    const [least] = loads.sort((a, b) => a.load - b.load || a.pid - b.pid);
    const waiting = [...this.tasks.values()].filter(({ status, pid }) => status === 'queued' && !pid);
    const [task] = waiting.sort(isBefore);
    if (!task || !least || least.load >= this.#settings.credit) return null;
    task.pid = least.pid;
    if (least.load === 0) this.#expectStep(least.pid);
    return task;
  }

  started(pid, id) {
    const task = this.tasks.get(id);
    if (task?.pid !== pid || task.status !== 'queued') return;
    Object.assign(task, { status: 'processing', attempts: task.attempts + 1 });
    this.#keep(task);
    this.#expectStep(pid);
  }

  finished(pid, id, result) {
    const task = this.running(pid);
    if (task?.id !== id) return;
    this.#end(task, 'completed', { result });
    this.#nextStep(pid);
  }

  #nextStep(pid) {
    if (this.of(pid).length > 0) this.#expectStep(pid);
    else if (this.workers.has(pid)) this.workers.set(pid, Infinity);
  }

  /** Calls a task off. Returns its worker, and whether that must be killed. */
  cancel(id) {
    const task = this.tasks.get(id);
    if (hasEnded(task)) throw new Refused(409, 'this task has ended');
    const { pid, status } = task;
    this.#end(task, 'cancelled');
    if (status === 'processing') this.workers.delete(pid);
    else if (this.of(pid).length === 0) this.#nextStep(pid);
    return { pid, isRunning: status === 'processing' };
  }

  lost(pid) {
    this.workers.delete(pid);
    for (const task of this.of(pid)) {
      const isOver = task.status === 'processing' && task.attempts >= this.#settings.maxAttempts;
      if (isOver) this.#end(task, 'failed', { error: 'attempts' });
      else Object.assign(task, { status: 'queued', pid: null });
    }
  }

  /** Fails what is late. Returns the workers that must be killed. */
  expire() {
    const now = performance.now();
    const late = [...this.workers].filter(([, step]) => step <= now).map(([pid]) => pid);
    for (const pid of late) {
      this.workers.delete(pid);
      const task = this.running(pid);
      if (task) this.#end(task, 'failed', { error: 'deadline' });
    }
    return late;
  }
}
