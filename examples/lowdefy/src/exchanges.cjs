// The HTTP of one thread of the pool, made by Node's own client in the thread that
// makes the calls: the thread waits, the event loop does not. Requests come complete;
// a short answer goes back in one message, a long one in pieces that are asked for.
// The other end is wasi/http.mjs.

'use strict';

const http = require('node:http');
const https = require('node:https');
const { MessageChannel } = require('node:worker_threads');
const { codeOf } = require('./failures.cjs');

/** Stripe's load balancers close what is idle for 60 s. */
const IDLE = 50_000;
/** Bytes of an answer that are held here before the thread asks for more. */
const WINDOW = 256 * 1024;
/** Milliseconds after which a thread counts as one that waits. Where answers come sooner,
 * few threads that are warm get more done than many that take turns. */
const SOON = 4;

const options = { keepAlive: true, timeout: IDLE };
const PLAIN = { module: http, agent: new http.Agent(options), defaultPort: 80, connected: 'connect' };
const SECURE = { module: https, agent: new https.Agent(options), defaultPort: 443, connected: 'secureConnect' };

/** One request and its answer. No request is sent twice here: whether a connection
 * that ends was read from is not to be known, and the component repeats what it may. */
class Exchange {
  #request;
  #response;
  #report;
  #timeouts;
  #timer;
  #isConnected = false;
  #isOver = false;
  #head;
  #held = [];
  #size = 0;
  #expected = Infinity;
  #received = 0;
  /** Whether the thread waits for more. */
  #isAsked = true;

  /**
   * @param {object} start `method`, `secure`, `authority`, `path`, `headers` in one flat
   *   list, and `timeouts` in milliseconds: `connect`, `firstByte`, `betweenBytes`
   * @param {Uint8Array} [bytes] the request's body
   * @param {(message: object) => void} report takes `head`, `bytes`, `ended`, `failure`
   */
  constructor({ method, secure, authority, path, headers, timeouts }, bytes, report) {
    this.#report = report;
    this.#timeouts = timeouts;
    const { module, agent, defaultPort, connected } = secure ? SECURE : PLAIN;
    const [, host, port = defaultPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(authority);
    this.#limit('connect', { tag: 'connection-timeout' });
    try {
      this.#request = module.request({ method, host, port, path, headers, agent });
    } catch {
      // What Node itself does not take, such as port 65536.
      return this.#fail({ tag: 'HTTP-request-URI-invalid' });
    }
    this.#request.once('socket', (socket) => {
      if (socket.connecting || socket.secureConnecting) socket.once(connected, () => this.#connected());
      else this.#connected();
    });
    this.#request.once('response', (response) => this.#answered(response));
    this.#request.on('error', (error) => this.#fail(codeOf(error, this.#isConnected, this.#request.socket)));
    // Without an error where the server changes to another protocol.
    this.#request.once('close', () => this.#response ?? this.#fail(codeOf({}, this.#isConnected)));
    this.#request.end(bytes);
  }

  get isOver() {
    return this.#isOver;
  }

  #connected() {
    this.#isConnected = true;
    this.#limit('firstByte', { tag: 'HTTP-response-timeout' });
  }

  #answered(response) {
    this.#response = response;
    const { statusCode, rawHeaders, headers } = response;
    this.#head = { status: statusCode, headers: rawHeaders };
    this.#expected = Number(headers['content-length'] ?? Infinity);
    this.#limit('betweenBytes', { tag: 'connection-read-timeout' });
    response.on('data', (bytes) => this.#arrived(bytes));
    response.once('end', () => this.#end({ ended: true }));
    response.on('error', (error) => this.#fail(codeOf(error, true, response.socket)));
    response.once('close', () => this.#fail({ tag: 'HTTP-response-incomplete' }));
    // It may be too long for the component, which sees that by its head.
    if (this.#expected > WINDOW && this.#expected < Infinity) this.#tell({});
  }

  #arrived(bytes) {
    if (this.#isOver) return;
    this.#timer?.refresh();
    this.#held.push(bytes);
    this.#size += bytes.length;
    this.#received += bytes.length;
    if (this.#size < WINDOW) return;
    if (this.#isAsked) this.#tell({});
    else this.#pause();
  }

  #pause() {
    this.#response.pause();
    clearTimeout(this.#timer); // the server is not the one that is slow
    this.#timer = undefined;
  }

  /** The thread wants more. */
  more() {
    if (this.#isOver) return;
    this.#isAsked = true;
    if (this.#size >= WINDOW) this.#tell({});
    if (!this.#response.isPaused()) return;
    this.#limit('betweenBytes', { tag: 'connection-read-timeout' });
    this.#response.resume();
  }

  /** The thread wants no more. */
  drop() {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#held = [];
    // What has arrived to its last byte ends by itself, and its connection is kept.
    if (this.#response && this.#received === this.#expected) this.#response.resume();
    else this.#request.destroy();
  }

  #fail(failure) {
    if (this.#isOver) return;
    this.#end({ failure });
    this.#request?.destroy();
  }

  #end(how) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#tell(how);
  }

  #tell(how) {
    this.#isAsked = false;
    const message = { ...how };
    if (this.#head) message.head = this.#head;
    if (this.#size > 0) {
      // Its own memory: what Node reads into is shared with others.
      message.bytes = new Uint8Array(this.#size);
      let at = 0;
      for (const part of this.#held) {
        message.bytes.set(part, at);
        at += part.length;
      }
    }
    this.#head = undefined;
    this.#held = [];
    this.#size = 0;
    this.#report(message);
  }

  /** Fails unless the next step comes about in time. */
  #limit(name, failure) {
    clearTimeout(this.#timer);
    const within = this.#timeouts[name];
    this.#timer = within === undefined ? undefined : setTimeout(() => this.#fail(failure), within);
  }
}

/** The exchanges of one thread. */
class Exchanges {
  #port;
  #arrivals = new Int32Array(new SharedArrayBuffer(4));
  #underWay = new Map();
  #waits;
  #soon;

  /** @param {(isWaiting: boolean) => void} waits told when the thread begins to wait, and when it need not */
  constructor(waits) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#waits = waits;
    /** What the thread needs, and what of it is handed over. */
    this.workerData = { exchanges: { port: port2, arrivals: this.#arrivals } };
    this.transferList = [port2];
    port1.on('message', (message) => this.#take(message));
    port1.unref(); // the thread keeps the process alive while it works
  }

  #take({ id, start, bytes, more, drop }) {
    if (drop) return this.#drop(id);
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#waits(true), SOON);
    if (more) this.#underWay.get(id)?.more();
    else if (start) this.#start(id, start, bytes);
  }

  /** Behind what the event loop was told meanwhile: that the server has closed a
   * connection, for one, which would else be taken for the request. */
  #start(id, start, bytes) {
    const begun = setImmediate(() => {
      const exchange = new Exchange(start, bytes, (message) => this.#tell(id, message));
      if (exchange.isOver) this.#underWay.delete(id);
      else this.#underWay.set(id, exchange);
    });
    this.#underWay.set(id, { drop: () => clearImmediate(begun) });
  }

  #tell(id, message) {
    if (message.ended || message.failure) this.#underWay.delete(id);
    this.#port.postMessage({ id, ...message });
    Atomics.add(this.#arrivals, 0, 1);
    Atomics.notify(this.#arrivals, 0);
    clearTimeout(this.#soon);
    this.#waits(false);
  }

  #drop(id) {
    this.#underWay.get(id)?.drop();
    this.#underWay.delete(id);
  }

  /** Gives all of them up; the thread is gone. */
  close() {
    clearTimeout(this.#soon);
    for (const id of this.#underWay.keys()) this.#drop(id);
    this.#port.close();
  }
}

module.exports = { Exchange, Exchanges };
