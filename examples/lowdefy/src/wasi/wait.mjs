// The one place where a thread waits: until what the pool's thread sends has arrived,
// or until a time. What an exchange is, it does not know; see http.mjs, and
// ../exchanges.cjs for the other end.

import { receiveMessageOnPort, workerData } from 'node:worker_threads';

/** Absent outside a thread of the pool, where nothing is sent. */
const { port, arrivals } = workerData?.exchanges ?? {};
const NANOSECONDS = 1e6;

/** Who is told of what arrives, by the exchange's number. */
const receivers = new Map();
let last = 0;

/** Begins an exchange; `receive` is called within `drain`. */
export function open(receive) {
  last += 1;
  receivers.set(last, receive);
  return last;
}

/** What arrives from now on is nobody's. */
export function close(id) {
  receivers.delete(id);
}

export function send(message, transfer) {
  port.postMessage(message, transfer);
}

/** Hands out what has arrived. */
function drain() {
  for (let next; (next = receiveMessageOnPort(port)); ) receivers.get(next.message.id)?.(next.message);
}

/** Nanoseconds on the monotonic clock. */
export const now = () => process.hrtime.bigint();

/** Something to wait for: `isReady` says whether there is nothing to wait for any more. */
export class Pollable {
  #isReady;

  constructor(isReady) {
    this.#isReady = isReady;
  }

  /** When it is ready without anything arriving, on the monotonic clock. */
  get at() {
    return undefined;
  }

  ready() {
    return this.#isReady();
  }

  block() {
    poll([this]);
  }
}

/** A time on the monotonic clock. */
export class Alarm extends Pollable {
  #at;

  constructor(at) {
    super(() => now() >= at);
    this.#at = at;
  }

  get at() {
    return this.#at;
  }
}

/** Milliseconds until the first of the alarms. */
function patience(pollables) {
  const times = pollables.map(({ at }) => at).filter((at) => at !== undefined);
  if (times.length === 0) return Infinity;
  const first = times.reduce((a, b) => (a < b ? a : b));
  return Math.max(0, Number(first - now()) / NANOSECONDS);
}

/** Waits until one of them is ready; which ones are. */
export function poll(pollables) {
  for (;;) {
    // Read before the messages are: what arrives in between changes it.
    const seen = arrivals && Atomics.load(arrivals, 0);
    if (port) drain();
    const ready = pollables.flatMap((pollable, at) => (pollable.ready() ? [at] : []));
    if (ready.length > 0) return Uint32Array.from(ready);
    if (pollables.length === 0) throw new Error('A poll of nothing would not end.');
    if (receivers.size === 0) port.postMessage({ sleeps: true });
    Atomics.wait(arrivals, 0, seen, patience(pollables));
  }
}
