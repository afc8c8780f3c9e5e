// wasi:io over plain objects: streams are of whoever makes them, an error holds the
// code of HTTP's that it stands for.

import { poll as wait, Pollable } from './wait.mjs';

const symbolDispose = Symbol.dispose ?? Symbol.for('dispose');
const CLOSED = { tag: 'closed' };
/** Bytes that a stream takes at once: what is written is kept until all of it is there. */
const ROOM = 1n << 20n;

/** wasi:io's error; `code` is wasi:http's. */
class Failure {
  constructor(code) {
    this.code = code;
  }
}

/** Bytes that come: `source` has `take(length)`, `isReady()`, and ends itself. */
class InputStream {
  #source;

  constructor(source) {
    this.#source = source;
  }

  read(length) {
    const { bytes, failure } = this.#source.take(Number(length));
    if (bytes) return bytes;
    throw failure ? { tag: 'last-operation-failed', val: new Failure(failure) } : CLOSED;
  }

  subscribe() {
    return new Pollable(() => this.#source.isReady());
  }
}

/** Bytes that go; `write` takes them all. */
class OutputStream {
  #write;

  constructor(write) {
    this.#write = write;
  }

  checkWrite() {
    return ROOM;
  }

  write(bytes) {
    this.#write(bytes);
  }

  blockingWriteAndFlush(bytes) {
    this.#write(bytes);
  }

  flush() {}

  blockingFlush() {}

  subscribe() {
    return new Pollable(() => true);
  }
}

export const error = { Error: Failure };
export const poll = { poll: wait, Pollable };
export const streams = { InputStream, OutputStream };
export { symbolDispose };
