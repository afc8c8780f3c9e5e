// wasi:cli, wasi:clocks and wasi:random: no environment, no arguments, no input, no
// terminal. What the component says goes where the process's own output goes.

import { randomFillSync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { streams } from './io.mjs';
import { Alarm, now } from './wait.mjs';

const { InputStream, OutputStream } = streams;
const NANOSECONDS = 1e6;
/** A time that never comes, in nanoseconds. */
const MOST_U64 = 2n ** 64n - 1n;

/** Standard output or error of the process, which its own thread writes. */
const said = (name) => new OutputStream((bytes) => parentPort?.postMessage({ said: name, bytes }));
const ended = { take: () => ({}), isReady: () => true };

class TerminalInput {}
class TerminalOutput {}

export const environment = { getEnvironment: () => [] };
export const exit = {
  exit({ tag }) {
    throw new Error(`the component ended itself (${tag})`);
  },
};
export const stdin = { getStdin: () => new InputStream(ended) };
export const stdout = { getStdout: () => said('stdout') };
export const stderr = { getStderr: () => said('stderr') };
export const terminalInput = { TerminalInput };
export const terminalOutput = { TerminalOutput };
export const terminalStdin = { getTerminalStdin: () => undefined };
export const terminalStdout = { getTerminalStdout: () => undefined };
export const terminalStderr = { getTerminalStderr: () => undefined };

export const monotonicClock = {
  now,
  subscribeInstant: (when) => new Alarm(when),
  subscribeDuration(duration) {
    const at = now() + duration;
    return new Alarm(at < MOST_U64 ? at : MOST_U64);
  },
};
export const wallClock = {
  now() {
    const milliseconds = Date.now();
    const seconds = Math.floor(milliseconds / 1000);
    return { seconds: BigInt(seconds), nanoseconds: (milliseconds - seconds * 1000) * NANOSECONDS };
  },
};

/** Random numbers are drawn from the system some hundred at a time. */
const drawn = new BigUint64Array(128);
let left = 0;

export const random = {
  getRandomU64() {
    if (left === 0) {
      randomFillSync(drawn);
      left = drawn.length;
    }
    left -= 1;
    const number = drawn[left];
    drawn[left] = 0n; // an idempotency key of the past is nobody's business
    return number;
  },
};
