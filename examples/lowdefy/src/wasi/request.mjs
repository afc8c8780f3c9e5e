// A request of wasi:http as plain objects: fields, options, and a body that is kept
// until all of it is there. How it is sent, it does not know; see answer.mjs.

import { streams, symbolDispose } from './io.mjs';

const { OutputStream } = streams;

/** RFC 9110, 5.1 and 5.5. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** The host's own, as in wasmtime. */
const FORBIDDEN = new Set([
  'connection', 'host', 'http2-settings', 'keep-alive', 'proxy-authenticate', 'proxy-authorization',
  'proxy-connection', 'transfer-encoding', 'upgrade',
]);
const METHODS = new Set(['get', 'head', 'post', 'put', 'delete', 'options', 'trace', 'patch']);
/** Methods that say so where there is no body; RFC 9110, 8.6. */
const USUALLY_WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
const NANOSECONDS = 1_000_000n;
/** The longest that a timer of Node's takes, in milliseconds. */
const LONGEST = 2n ** 31n - 1n;

/** How results say that there is no value and no reason. */
export const refuse = () => {
  throw undefined;
};
const textOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice();

/** Headers: names and values one after the other, a byte for each character. */
export class Fields {
  #flat;

  constructor(flat = []) {
    this.#flat = flat;
  }

  static fromList(entries) {
    const flat = [];
    for (const [name, bytes] of entries) {
      const value = textOf(bytes);
      if (!NAME.test(name) || !VALUE.test(value)) throw { tag: 'invalid-syntax' };
      if (FORBIDDEN.has(name.toLowerCase())) throw { tag: 'forbidden' };
      flat.push(name, value);
    }
    return new Fields(flat);
  }

  entries() {
    const pairs = [];
    for (let at = 0; at < this.#flat.length; at += 2) {
      pairs.push([this.#flat[at], Buffer.from(this.#flat[at + 1], 'latin1')]);
    }
    return pairs;
  }

  static flat(fields) {
    return fields.#flat;
  }
}

/** The milliseconds of a timeout; never less than one, which would be none. */
function milliseconds(duration) {
  if (duration === undefined) return undefined;
  const whole = (duration + NANOSECONDS - 1n) / NANOSECONDS;
  return Number(whole < 1n ? 1n : whole < LONGEST ? whole : LONGEST);
}

export class RequestOptions {
  #timeouts = {};

  setConnectTimeout(duration) {
    this.#timeouts.connect = milliseconds(duration);
  }

  setFirstByteTimeout(duration) {
    this.#timeouts.firstByte = milliseconds(duration);
  }

  setBetweenBytesTimeout(duration) {
    this.#timeouts.betweenBytes = milliseconds(duration);
  }

  static timeouts(options) {
    return options?.#timeouts ?? {};
  }
}

export class OutgoingRequest {
  #method = 'GET';
  #secure = true;
  #authority;
  #path = '/';
  #headers;
  #body;

  constructor(headers) {
    this.#headers = Fields.flat(headers);
  }

  setMethod({ tag, val }) {
    const method = tag === 'other' ? val : METHODS.has(tag) ? tag.toUpperCase() : undefined;
    if (method === undefined || !NAME.test(method) || method.toLowerCase() === 'connect') refuse();
    this.#method = method;
  }

  setPathWithQuery(path = '/') {
    if (!/^\/[\x21-\x22\x24-\x7e]*$/.test(path)) refuse();
    this.#path = path;
  }

  setScheme(scheme = { tag: 'HTTPS' }) {
    if (scheme.tag === 'other') refuse();
    this.#secure = scheme.tag === 'HTTPS';
  }

  setAuthority(authority) {
    if (authority !== undefined && !/^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/.test(authority)) refuse();
    this.#authority = authority;
  }

  body() {
    if (this.#body) refuse();
    this.#body = new OutgoingBody();
    return this.#body;
  }

  /** What ../exchanges.cjs takes, and the body that is still to come. */
  static taken(request) {
    const announced = request.#announced();
    return {
      body: request.#body,
      announced,
      start: {
        method: request.#method,
        secure: request.#secure,
        authority: request.#authority,
        path: request.#path,
        headers: request.#framed(announced),
      },
    };
  }

  /** The length of the body that the component's headers name. */
  #announced() {
    const name = this.#headers.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === 'content-length');
    return name < 0 ? undefined : this.#headers[name + 1];
  }

  /** The headers, with how long the body is where the component did not say it. */
  #framed(announced) {
    const headers = ['host', this.#authority, ...this.#headers];
    if (announced !== undefined) return headers;
    if (this.#body) return [...headers, 'transfer-encoding', 'chunked'];
    return USUALLY_WITH_BODY.has(this.#method) ? [...headers, 'content-length', '0'] : headers;
  }
}

/** A request's body, sent when it is finished. */
export class OutgoingBody {
  #parts = [];
  #length = 0;
  #stream;
  #request;

  write() {
    if (this.#stream) refuse();
    this.#stream = new OutputStream((bytes) => {
      this.#parts.push(bytes);
      this.#length += bytes.length;
    });
    return this.#stream;
  }

  static finish(body, trailers) {
    const { announced, begin } = body.#request ?? {};
    if (trailers) throw { tag: 'HTTP-request-trailer-section-size', val: undefined };
    if (announced !== undefined && announced !== String(body.#length)) {
      throw { tag: 'HTTP-request-body-size', val: BigInt(body.#length) };
    }
    begin?.(joined(body.#parts, body.#length));
  }

  /**
   * Says what the body is of.
   *
   * @param {{announced?: string, begin(bytes: Uint8Array): void, giveUp(): void}} request
   *   its `content-length`, and who is told of the body, or that there will be none
   */
  static belongs(body, request) {
    body.#request = request;
  }

  /** Without `finish`, which takes it away, it is not to be sent. */
  [symbolDispose]() {
    this.#request?.giveUp();
  }
}

/** All of them, in memory that is shared with nobody. */
function joined(parts, length) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
