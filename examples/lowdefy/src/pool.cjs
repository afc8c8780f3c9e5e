// Threads that each hold one warm instance of the component. A call blocks its
// thread while it waits for Stripe, never the event loop.

'use strict';

const { Worker } = require('node:worker_threads');
const path = require('node:path');

class Pool {
  /** @param {number} size the most threads, and so the most calls at once; more wait */
  constructor(size) {
    this.size = size;
    this.idle = [];
    this.busy = new Map();
    this.waiting = [];
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
      this.waiting.push(call);
      this.#next();
    });
  }

  /** Allows more threads; never fewer. */
  grow(size) {
    this.size = Math.max(this.size, size);
    this.#next();
  }

  #next() {
    while (this.waiting.length > 0 && this.busy.size < this.size) {
      const worker = this.idle.pop() ?? this.#start();
      const call = this.waiting.shift();
      this.busy.set(worker, call);
      worker.ref(); // the process lives until the call has ended
      worker.postMessage(call.task);
    }
  }

  #start() {
    // An empty environment: a component can read no variable of the host's. The
    // host's own flags (`--eval`, `--inspect`) are not the thread's either.
    const worker = new Worker(path.join(__dirname, 'worker.mjs'), { env: {}, execArgv: [] });
    worker.on('message', (result) => this.#ended(worker, result));
    worker.on('error', (error) => this.#lost(worker, error));
    worker.on('exit', () => this.#lost(worker, new Error('The thread that ran the component ended.')));
    return worker;
  }

  #ended(worker, { ok, value, dead }) {
    const call = this.#settle(worker);
    if (dead) worker.terminate();
    else {
      worker.unref();
      this.idle.push(worker);
    }
    if (call) ok ? call.resolve(value) : call.reject(value);
    this.#next();
  }

  #lost(worker, error) {
    this.idle = this.idle.filter((other) => other !== worker);
    this.#settle(worker)?.reject(error);
    this.#next();
  }

  #settle(worker) {
    const call = this.busy.get(worker);
    this.busy.delete(worker);
    call?.signal?.removeEventListener('abort', call.abort);
    return call;
  }

  #abort(call) {
    this.waiting = this.waiting.filter((other) => other !== call);
    for (const [worker, other] of this.busy) {
      if (other !== call) continue;
      this.busy.delete(worker);
      worker.terminate();
    }
    call.reject(call.signal.reason);
    this.#next();
  }
}

module.exports = { Pool };
