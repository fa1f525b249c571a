// A pool as it is usually written in Node: fork, send, and a new worker for one that ends.
const { fork } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const worker = `
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const hash = ${hash.toString()};
process.on("message", ({ task, rounds }) => {
  hash(rounds);
  if (process.env.JOURNAL) fs.appendFileSync(process.env.JOURNAL, JSON.stringify({ task, did: "finished" }) + "\\n");
  process.send(task);
});
process.send("ready");
`;

function hash(rounds) {
  let bytes = Buffer.alloc(32);
  for (let i = 0; i < rounds; i++) bytes = createHash("sha256").update(bytes).digest();
  return bytes.toString("hex");
}

const micros = Number(process.env.POOL_BENCH_MICROS);
const tasks = Number(process.env.POOL_BENCH_TASKS);
const time = (rounds, times) => {
  const began = process.hrtime.bigint();
  for (let i = 0; i < times; i++) hash(rounds);
  return Number(process.hrtime.bigint() - began) / 1e9 / times;
};
let [rounds, alone] = [1, 0];
if (micros > 0) {
  time(100, 300);
  rounds = Math.max(1, Math.round((micros / 1e6) / (time(100, 300) / 100)));
  alone = time(rounds, micros < 500 ? 4000 : 200);
}

const file = path.join(path.dirname(process.env.POOL_BENCH_RESULT), "worker.js");
fs.writeFileSync(file, worker);
let [next, ended, ready, began] = [1, 0, 0, 0n];
const number = Number(process.env.WORKERS) || os.cpus().length;
const workers = new Set();

function start() {
  const child = fork(file);
  workers.add(child);
  child.on("message", (message) => {
    if (message === "ready") {
      ready += 1;
      if (ready < number) return;
      if (ready > number) return give(child);
      began = process.hrtime.bigint();
      for (const one of workers) give(one);
      return;
    }
    ended += 1;
    if (ended === tasks) finish();
    give(child);
  });
  child.on("exit", () => {
    workers.delete(child);
    start();
  });
}

function give(child) {
  if (next <= tasks) child.send({ task: next++, rounds });
}

function finish() {
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  fs.writeFileSync(process.env.POOL_BENCH_RESULT, JSON.stringify({ tasks, alone, seconds }));
  process.exit(0);
}

for (let i = 0; i < number; i++) start();
