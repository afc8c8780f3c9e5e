// Servers below HTTP, for what an HTTP server would not say or not show; and the host's
// side of one exchange without a component, which has timeouts of its own.

import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { test as unlimited } from 'node:test';

export const { Exchange } = createRequire(import.meta.url)('../src/exchanges.cjs');

/** A test that fails where it would wait for ever, also on a slow machine. */
export const test = (name, run) => unlimited(name, { timeout: 120_000 }, run);

/**
 * @param {(socket, text: string, number: number) => void} answer is told of all that a
 *   connection has sent so far, each time there is more; connections are numbered from 1
 * @returns {Promise<{origin, authority, port, sockets, closed(number): Promise, stop()}>}
 */
export async function listen(answer = () => {}) {
  const sockets = [];
  const server = createServer((socket) => {
    const number = sockets.push(socket);
    let text = '';
    socket.on('error', () => {}); // a client that resets its connection
    socket.on('data', (bytes) => answer(socket, (text += bytes.latin1Slice()), number));
    server.emit('arrived', number);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  return {
    authority: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    port,
    sockets,
    /** Until a connection is gone, which may not be there yet. */
    async closed(number) {
      while (sockets.length < number) await once(server, 'arrived');
      const socket = sockets[number - 1];
      if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    },
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** An answer as it is written, its connection kept. */
export const written = (body, head = '', status = '200 OK') =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Whether a request has arrived to its last byte. */
export function isWhole(text) {
  const end = text.indexOf('\r\n\r\n');
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return end >= 0 && text.length >= end + 4 + length;
}

/**
 * Makes an exchange and takes all of its answer.
 *
 * @param {object} start what differs from a GET of / without timeouts
 * @returns {Promise<{status, headers, body: Buffer, failure}>}
 */
export function exchanged(start, bytes) {
  return new Promise((resolve) => {
    const parts = [];
    let head;
    const usual = { method: 'GET', secure: false, path: '/', headers: ['host', start.authority], timeouts: {} };
    const exchange = new Exchange({ ...usual, ...start }, bytes, (message) => {
      head ??= message.head;
      if (message.bytes) parts.push(message.bytes);
      const { ended, failure } = message;
      if (ended || failure) resolve({ ...head, body: Buffer.concat(parts), failure });
      else queueMicrotask(() => exchange.more());
    });
  });
}
