// Settings from the environment, and events for stdout, as PROTOCOL.md says.

/** The longest time that one of Node's timers can wait: a longer one would fire at once. */
export const LONGEST_MS = 2 ** 31 - 1;

/** Says what to write instead, and ends the program: nothing was served yet. */
export function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

/** A whole number from `least` to `most`. */
export function number(name, fallback, { least = 0, most = LONGEST_MS } = {}) {
  const text = process.env[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    refuse(`${name}=${text} makes no sense: write a whole number from ${least} to ${most}`);
  }
  return value;
}

/** A whole number in the query of a URL. */
export function inQuery(url, name, fallback) {
  const text = url.searchParams.get(name) ?? '';
  return /^\d+$/.test(text) ? Math.min(Number(text), LONGEST_MS) : fallback;
}

// Without a listener for this, a closed stdout would end the primary.
process.stdout.on('error', () => {});

/** Writes an event to stdout, in one piece. */
export function report(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}
