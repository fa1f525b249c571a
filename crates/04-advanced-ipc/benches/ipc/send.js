// process.send, driven line by line: see driver.rs.

const { fork } = require('node:child_process');
const { createInterface } = require('node:readline');

if (process.argv[2] === 'peer') {
  process.on('message', (message) => message.hold || process.send(message));
  process.on('disconnect', () => process.exit());
} else {
  main();
}

// What process.send leaves to the program: which answer belongs to which call.
function start() {
  const peer = fork(__filename, ['peer']);
  const open = new Map();
  let last = 0;
  peer.on('error', () => {});
  peer.on('message', ({ id }) => {
    open.get(id)?.();
    open.delete(id);
  });
  const call = (text, hold) => new Promise((resolve) => {
    const id = ++last;
    open.set(id, resolve);
    peer.send({ id, text, hold });
  });
  return { peer, call };
}

async function trip({ call }, size, count, window) {
  const text = 'x'.repeat(size);
  const began = process.hrtime.bigint();
  let sent = 0;
  const lane = async () => {
    while (sent < count) {
      sent += 1;
      await call(text);
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
  return process.hrtime.bigint() - began;
}

async function frozen(first, second, count, limit) {
  const [text, began] = ['x'.repeat(1024), performance.now()];
  let [sent, others, gap, last, error] = [0, 0, 0, began, null];
  const failed = (reason) => {
    if (reason) error ??= performance.now() - began;
  };
  while (sent < count || performance.now() - began < limit) {
    for (let n = 0; n < 100 && sent < count; n += 1, sent += 1) {
      first.peer.send({ id: 0, text }, failed);
    }
    await second.call(text);
    others += 1;
    gap = Math.max(gap, performance.now() - last);
    last = performance.now();
    if (sent === count) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return JSON.stringify({ sent, refused: 0, error_ms: error, others, gap_ms: gap });
}

async function killed({ peer, call }) {
  let failed = 0;
  for (let n = 0; n < 20; n += 1) call('hold', true).catch(() => { failed += 1; });
  await call('read');
  peer.on('exit', () => console.log(`${failed}, and an 'exit' event`));
  console.log('open');
}

async function main() {
  const [first, second] = [start(), start()];
  console.log(first.peer.pid, second.peer.pid);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(' ');
    const numbers = words.map(Number);
    if (command === 'trip') console.log(`${await trip(first, ...numbers)}`);
    else if (command === 'frozen') console.log(await frozen(first, second, ...numbers));
    else await killed(first);
  }
  process.exit();
}
