// The answer to a request: what has arrived of it in this thread, and what is asked of
// the thread that makes the exchange (../exchanges.cjs). A short one comes in one
// message. Nothing here waits; wait.mjs does.

import { streams, symbolDispose } from './io.mjs';
import { Fields, refuse } from './request.mjs';
import { close, open, Pollable, send } from './wait.mjs';

const { InputStream } = streams;
/** Bytes that are worth handing over instead of copying. */
const MUCH = 64 * 1024;

/** An answer under way: what has arrived of it, and what is asked of the other side. */
class Exchange {
  #id;
  #head;
  #parts = [];
  #isAsked = true;
  #hasEnded = false;
  #failure;

  constructor(start, bytes) {
    this.#id = open((message) => this.#receive(message));
    send({ id: this.#id, start, bytes }, bytes?.length > MUCH ? [bytes.buffer] : []);
  }

  #receive({ head, bytes, ended, failure }) {
    this.#isAsked = false;
    if (head) this.#head = head;
    if (bytes) this.#parts.push(bytes);
    if (ended || failure) {
      this.#hasEnded = true;
      this.#failure = failure;
      close(this.#id);
    }
  }

  /** The head, or why there is none; undefined for now. */
  answer() {
    if (this.#head) return { head: this.#head };
    return this.#failure ? { failure: this.#failure } : undefined;
  }

  /** Up to so many bytes; none for now; or neither, where the answer is at its end. */
  take(length) {
    const [part] = this.#parts;
    if (!part) return this.#hasEnded ? { failure: this.#failure } : { bytes: new Uint8Array() };
    if (part.length > length) this.#parts[0] = part.subarray(length);
    else this.#parts.shift();
    return { bytes: part.subarray(0, length) };
  }

  isReady() {
    if (this.#parts.length > 0 || this.#hasEnded) return true;
    if (!this.#isAsked) {
      this.#isAsked = true;
      send({ id: this.#id, more: true });
    }
    return false;
  }

  /** Nobody wants the rest. */
  drop() {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts = [];
    close(this.#id);
    send({ id: this.#id, drop: true });
  }
}

export class FutureIncomingResponse {
  /** Absent until the request's body is finished. */
  #exchange;
  #isTaken = false;
  #isDropped = false;

  /** Sends the request, which is complete. */
  static begin(future, start, bytes) {
    if (!future.#isDropped) future.#exchange = new Exchange(start, bytes);
  }

  /** The request will never be complete. */
  static giveUp(future) {
    future.#exchange ??= { answer: () => ({ failure: { tag: 'HTTP-protocol-error' } }), drop() {} };
  }

  subscribe() {
    return new Pollable(() => this.#isTaken || this.#exchange?.answer() !== undefined);
  }

  get() {
    if (this.#isTaken) return { tag: 'err' };
    const answer = this.#exchange?.answer();
    if (!answer) return undefined;
    this.#isTaken = true;
    const { head, failure } = answer;
    return { tag: 'ok', val: head ? { tag: 'ok', val: new IncomingResponse(head, this.#exchange) } : { tag: 'err', val: failure } };
  }

  [symbolDispose]() {
    this.#isDropped = true;
    if (!this.#isTaken) this.#exchange?.drop();
  }
}

export class IncomingResponse {
  #head;
  #exchange;
  #isConsumed = false;

  constructor(head, exchange) {
    this.#head = head;
    this.#exchange = exchange;
  }

  status() {
    return this.#head.status;
  }

  headers() {
    return new Fields(this.#head.headers);
  }

  consume() {
    if (this.#isConsumed) refuse();
    this.#isConsumed = true;
    return new IncomingBody(this.#exchange);
  }

  [symbolDispose]() {
    if (!this.#isConsumed) this.#exchange.drop();
  }
}

export class IncomingBody {
  #exchange;
  #isStreamed = false;

  constructor(exchange) {
    this.#exchange = exchange;
  }

  stream() {
    if (this.#isStreamed) refuse();
    this.#isStreamed = true;
    return new InputStream(this.#exchange);
  }

  [symbolDispose]() {
    this.#exchange.drop();
  }
}
