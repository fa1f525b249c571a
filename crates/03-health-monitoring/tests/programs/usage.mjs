// What a process uses, read from outside: a frozen one has figures, too. Linux has these files.

import fs from 'node:fs';

const PAGE = 4096;
/** Of a second: the unit of the times in /proc/PID/stat (`man 5 proc`, _SC_CLK_TCK). */
const TICKS = 100;

function read(pid, file, parse) {
  try {
    return parse(fs.readFileSync(`/proc/${pid}/${file}`, 'utf8'));
  } catch {
    return 0; // It is gone.
  }
}

export const residentBytes = (pid) =>
  read(pid, 'statm', (text) => Number(text.split(' ')[1]) * PAGE);

export const cpuSeconds = (pid) =>
  read(pid, 'stat', (text) => {
    // The name of the program, in parentheses, may contain spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  });

export function openFiles(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
