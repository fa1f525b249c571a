// What the primary does next. It has no memory of how far a roll is: it looks at the workers that
// are there. So a crash in the middle, a roll back and the first start need no code of their own.
//
// A cluster is `{ slots, workers, goal, settings }`. A slot has `number`, `retryAt` and `diedOf`
// (the version of its last death); a worker has `slot`, `version`, `state` (starting, ready, draining or
// killed), and when it came to that. The goal is `{ from, to, isBack }`; in between two rolls both
// are the same version.

/** The version that every worker runs in the end. */
export const aim = ({ from, to, isBack }) => (isBack ? from : to);

/** One move: `{ kill }`, `{ drain }` or `{ start, version }`. Undefined when there is none now. */
export function nextMove(cluster, now) {
  return (
    killOneThatIsLate(cluster, now) ??
    killOneOfABadVersion(cluster) ??
    fillASlot(cluster, now) ??
    startASuccessor(cluster) ??
    drainAPredecessor(cluster, now)
  );
}

/** Whether the roll is over. A roll that failed does not wait for slots that have to wait. */
export function isOver(cluster, now) {
  const { slots, workers, goal } = cluster;
  if (!workers.every(({ version }) => version === aim(goal))) return false;
  const isFilled = (slot) => inSlot(cluster, slot).some(isAvailable(cluster, now));
  return goal.isBack || slots.every(isFilled);
}

/** When the next move may be possible though nothing happens until then. */
export function nextMoment({ slots, workers, settings }, now) {
  const moments = [
    ...slots.map(({ retryAt }) => retryAt),
    ...workers.map((worker) => dueAt(worker, settings)),
    ...workers.filter(isReady).map(({ readyAt }) => readyAt + settings.minReadyMs),
  ];
  return Math.min(...moments.filter((moment) => moment > now));
}

/** When a worker is late: with its start, or with its drain. */
function dueAt({ state, startedAt, drainingSince }, settings) {
  switch (state) {
    case 'starting':
      return startedAt + settings.readyTimeoutMs;
    case 'draining':
      return drainingSince + settings.drainTimeoutMs + settings.escalationMs;
    default:
      return Infinity;
  }
}

const isReady = ({ state }) => state === 'ready';
const stays = ({ state }) => state === 'starting' || state === 'ready';
const inSlot = ({ workers }, { number }) =>
  workers.filter((worker) => worker.slot === number && stays(worker));
const isAvailable = ({ settings }, now) => (worker) =>
  isReady(worker) && now >= worker.readyAt + settings.minReadyMs;
const hasRoom = ({ slots, workers, settings }) =>
  workers.length < slots.length + settings.maxSurge;

function killOneThatIsLate({ workers, settings }, now) {
  const late = workers.find((worker) => now >= dueAt(worker, settings));
  return late && { kill: late, isLate: true };
}

/** On the way back nothing waits for the starts of the version that failed. */
function killOneOfABadVersion({ workers, goal }) {
  const bad = ({ state, version }) => state === 'starting' && version !== goal.from;
  const worker = goal.isBack ? workers.find(bad) : undefined;
  return worker && { kill: worker };
}

/** A death in a roll: the new version has to prove itself before it fills the slots of others. */
function fillASlot(cluster, now) {
  const { slots, workers, goal } = cluster;
  if (!hasRoom(cluster)) return undefined;
  const isProven = workers.some(
    (worker) => worker.version === goal.to && isAvailable(cluster, now)(worker),
  );
  const fills = (worker) => isReady(worker) || worker.version === goal.from || isProven;
  const empty = slots.find((slot) => now >= slot.retryAt && !inSlot(cluster, slot).some(fills));
  return empty && { start: empty, version: isProven ? aim(goal) : goal.from };
}

function startASuccessor(cluster) {
  const { slots, goal, settings } = cluster;
  const versions = (slot) => inSlot(cluster, slot).map(({ version }) => version);
  const isRolled = (slot) => versions(slot).includes(aim(goal));
  const isRolling = (slot) => isRolled(slot) && versions(slot).some((it) => it !== aim(goal));
  if (!hasRoom(cluster) || slots.filter(isRolling).length >= settings.maxSurge) return undefined;
  // An empty slot has to wait, but not for the fix of what died there.
  const isFix = ({ diedOf }) => diedOf !== null && diedOf !== aim(goal);
  const mayStart = (slot) => versions(slot).length > 0 || isFix(slot);
  const next = slots.find((slot) => !isRolled(slot) && mayStart(slot));
  return next && { start: next, version: aim(goal) };
}

function drainAPredecessor(cluster, now) {
  const { slots, workers, goal } = cluster;
  const available = workers.filter(isAvailable(cluster, now));
  for (const slot of slots) {
    const [old] = inSlot(cluster, slot).filter(({ version }) => version !== aim(goal));
    const hasSuccessor = available.some(
      (worker) => worker.slot === slot.number && worker.version === aim(goal),
    );
    if (!old || !hasSuccessor) continue;
    if (!isReady(old)) return { kill: old };
    if (available.filter((worker) => worker !== old).length >= slots.length) return { drain: old };
  }
  return undefined;
}
