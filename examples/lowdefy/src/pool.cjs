// Threads that each hold one warm instance of the component. A call blocks its
// thread while it waits for Stripe, never the event loop, which makes the thread's
// HTTP; see exchanges.cjs.

'use strict';

const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { Exchanges } = require('./exchanges.cjs');

/** Threads that may be busy without waiting for an answer: more than there are
 * processors hinder each other, and each is slow until its code has run for a while. */
const COMPUTING = Math.max(2, os.availableParallelism());
/** How long a thread is kept that nobody needs, in milliseconds. The last one stays. */
const KEPT = 60_000;

/** One thread and the call that it makes. */
class Thread {
  call;
  /** Whether its call waits for an answer, or for the time of another attempt. */
  isWaiting = false;
  idleSince;

  /** @param {{waits(thread), ended(thread, result), lost(thread, error)}} pool who is told */
  constructor(pool) {
    this.exchanges = new Exchanges((isWaiting) => {
      this.isWaiting = isWaiting;
      if (isWaiting) pool.waits();
    });
    const { workerData, transferList } = this.exchanges;
    // An empty environment: a component can read no variable of the host's. The
    // host's own flags (`--eval`, `--inspect`) are not the thread's either.
    this.worker = new Worker(path.join(__dirname, 'worker.mjs'), { env: {}, execArgv: [], workerData, transferList });
    this.worker.on('message', (message) => {
      if (message.said) process[message.said].write(message.bytes);
      else pool.ended(this, message);
    });
    this.worker.on('error', (error) => pool.lost(this, error));
    this.worker.on('exit', () => pool.lost(this, new Error('The thread that ran the component ended.')));
  }

  begin(call) {
    this.call = call;
    this.isWaiting = false;
    this.worker.ref(); // the process lives until the call has ended
    this.worker.postMessage(call.task);
  }

  /** Ends the thread, and at once what it has under way. */
  end() {
    this.exchanges.close();
    this.worker.terminate();
  }
}

class Pool {
  #size;
  #kept;
  #threads = new Set();
  /** The one that was needed last comes last, and is the next. */
  #idle = [];
  #waiting = [];
  #sweep;

  /**
   * @param {number} size the most threads, and so the most calls at once; more wait
   * @param {number} [kept] how long a thread is kept that nobody needs, in milliseconds
   */
  constructor(size, kept = KEPT) {
    this.#size = size;
    this.#kept = kept;
  }

  /** Threads that there are now. */
  get threads() {
    return this.#threads.size;
  }

  /**
   * Runs one task in a thread.
   *
   * @param {object} task what `worker.mjs` takes
   * @param {AbortSignal} [signal] gives the call up: a request it has sent by then
   *   may have been acted on
   */
  run(task, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const call = { task, resolve, reject, signal };
      call.abort = () => this.#abort(call);
      signal?.addEventListener('abort', call.abort, { once: true });
      this.#waiting.push(call);
      this.#next();
    });
  }

  /** Allows more threads; never fewer. */
  grow(size) {
    this.#size = Math.max(this.#size, size);
    this.#next();
  }

  #next() {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const thread = this.#idle.pop() ?? this.#start();
      thread.begin(this.#waiting.shift());
    }
  }

  #hasRoom() {
    let [busy, computing] = [0, 0];
    for (const { call, isWaiting } of this.#threads) {
      if (!call) continue;
      busy += 1;
      if (!isWaiting) computing += 1;
    }
    return busy < this.#size && computing < COMPUTING;
  }

  #start() {
    const thread = new Thread({
      waits: () => this.#next(),
      ended: (...how) => this.#ended(...how),
      lost: (...how) => this.#lost(...how),
    });
    this.#threads.add(thread);
    this.#sweep ??= setInterval(() => this.#dismiss(), this.#kept).unref();
    return thread;
  }

  #ended(thread, { ok, value, dead }) {
    const call = this.#settle(thread);
    if (dead) this.#end(thread);
    else if (this.#threads.has(thread)) {
      thread.worker.unref();
      thread.idleSince = performance.now();
      this.#idle.push(thread);
    }
    if (call) ok ? call.resolve(value) : call.reject(value);
    this.#next();
  }

  #lost(thread, error) {
    this.#idle = this.#idle.filter((other) => other !== thread);
    this.#end(thread);
    this.#settle(thread)?.reject(error);
    this.#next();
  }

  #settle(thread) {
    const { call } = thread;
    thread.call = undefined;
    call?.signal?.removeEventListener('abort', call.abort);
    return call;
  }

  #end(thread) {
    if (this.#threads.delete(thread)) thread.end();
  }

  /** Lets threads go that nobody needed for a while; the first of them longest. */
  #dismiss() {
    const before = performance.now() - this.#kept;
    while (this.#idle.length > 1 && this.#idle[0].idleSince < before) this.#end(this.#idle.shift());
  }

  #abort(call) {
    this.#waiting = this.#waiting.filter((other) => other !== call);
    for (const thread of this.#threads) {
      if (thread.call !== call) continue;
      this.#settle(thread);
      this.#end(thread);
    }
    call.reject(call.signal.reason);
    this.#next();
  }
}

module.exports = { Pool };
