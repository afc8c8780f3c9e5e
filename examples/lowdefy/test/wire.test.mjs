// What goes over the wire, byte for byte, and what comes back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { request } from 'lowdefy-stripe-wasm';
import { outgoingHandler, types } from '../src/wasi/http.mjs';
import { Exchange, exchanged, isWhole, listen, test, written } from './raw.mjs';
import { json, serve } from './server.mjs';

const { Fields, OutgoingBody, OutgoingRequest } = types;
const KEY = 'sk_test_wire_4242';
const text = (value) => Buffer.from(value, 'latin1');

/** The requests that arrive at a server that answers each with `body`. */
async function recorder(body = '{"id":"obj_1"}', head = '') {
  const arrived = [];
  const server = await listen((socket, text, number) => {
    const before = arrived.filter((one) => one.number === number).reduce((sum, one) => sum + one.text.length, 0);
    const rest = text.slice(before);
    if (!isWhole(rest)) return;
    arrived.push({ number, text: rest });
    socket.write(written(body, head));
  });
  return { ...server, arrived };
}

test('a request is sent as it was given: path, headers in their order, twice the same, body', async () => {
  const server = await recorder();
  const body = text('a=1&b=\x00\xff');
  const { status, failure } = await exchanged({
    method: 'POST',
    authority: server.authority,
    path: '/v1/things/%2F?expand[0]=a.b&expand[1]=%20c&d="',
    headers: ['host', 'api.example', 'Zulu', '1', 'alpha', 'na\xefve', 'zulu', '2', 'content-length', String(body.length)],
  }, body);
  server.stop();
  assert.deepEqual({ status, failure }, { status: 200, failure: undefined });
  assert.deepEqual(server.arrived.map((one) => one.text), [
    'POST /v1/things/%2F?expand[0]=a.b&expand[1]=%20c&d=" HTTP/1.1\r\n' +
      'host: api.example\r\nZulu: 1\r\nalpha: na\xefve\r\nzulu: 2\r\ncontent-length: 8\r\nConnection: keep-alive\r\n\r\n' +
      'a=1&b=\x00\xff',
  ]);
});

test('of each call one request arrives, with the length of its body or without one', async () => {
  const server = await recorder();
  const connection = { secretKey: KEY, baseUrl: server.origin };
  await request(connection, 'customers', 'create', [{ name: 'Zoë & Co', metadata: { a: 'b' } }]);
  await request(connection, 'customers', 'list', [{ limit: 3, expand: ['data.sources'] }]);
  await request(connection, 'customers', 'del', ['cus_1']);
  await request(connection, 'paymentIntents', 'confirm', ['pi_1']);
  server.stop();
  const seen = server.arrived.map(({ text }) => {
    const [head, body] = text.split('\r\n\r\n');
    const [line, ...headers] = head.split('\r\n');
    const all = headers.map((header) => header.split(': '));
    const of = (name) => all.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
    assert.deepEqual(of('host'), [server.authority]);
    assert.deepEqual(of('authorization'), [`Bearer ${KEY}`]);
    assert.deepEqual(of('transfer-encoding'), []);
    return [line, of('content-length').join(), body];
  });
  assert.deepEqual(seen, [
    ['POST /v1/customers HTTP/1.1', '38', 'name=Zo%C3%AB%20%26%20Co&metadata[a]=b'],
    ['GET /v1/customers?limit=3&expand[0]=data.sources HTTP/1.1', '', ''],
    ['DELETE /v1/customers/cus_1 HTTP/1.1', '', ''],
    ['POST /v1/payment_intents/pi_1/confirm HTTP/1.1', '0', ''],
  ]);
});

/** What the other side of the thread would be given for a request of wasi:http. */
function started(method, headers, body) {
  const one = new OutgoingRequest(Fields.fromList(headers.map(([name, value]) => [name, text(value)])));
  one.setMethod({ tag: method });
  one.setScheme({ tag: 'HTTP' });
  one.setAuthority('127.0.0.1:1');
  if (body !== undefined) one.body();
  return OutgoingRequest.taken(one).start.headers.slice(2);
}

test('a body whose length is not named is sent in chunks; a POST without one says so', async () => {
  assert.deepEqual(started('post', [['a', '1']], ''), ['a', '1', 'transfer-encoding', 'chunked']);
  assert.deepEqual(started('delete', [['a', '1']], ''), ['a', '1', 'transfer-encoding', 'chunked']);
  assert.deepEqual(started('post', [['a', '1'], ['Content-Length', '3']], ''), ['a', '1', 'Content-Length', '3']);
  assert.deepEqual(started('post', [['a', '1']]), ['a', '1', 'content-length', '0']);
  assert.deepEqual(started('get', [['a', '1']]), ['a', '1']);

  const server = await listen((socket, text) => {
    if (text.endsWith('0\r\n\r\n')) socket.end(written(JSON.stringify(text.split('\r\n\r\n').slice(1))));
  });
  const headers = ['host', server.authority, ...started('delete', [], '')];
  const { body } = await exchanged({ method: 'DELETE', authority: server.authority, headers }, text('a=1'));
  server.stop();
  assert.deepEqual(JSON.parse(body), ['3\r\na=1\r\n0', '']);
});

test('what would not be the request that was meant is refused by the host', () => {
  const fields = (name, value) => () => Fields.fromList([[name, text(value)]]);
  for (const [name, value] of [['a b', '1'], ['', '1'], ['a', '1\r\nb: 2'], ['a', '\n'], ['a', '\0']]) {
    assert.throws(fields(name, value), { tag: 'invalid-syntax' });
  }
  for (const name of ['Host', 'connection', 'Transfer-Encoding', 'upgrade', 'keep-alive', 'proxy-authorization']) {
    assert.throws(fields(name, '1'), { tag: 'forbidden' });
  }
  const one = new OutgoingRequest(Fields.fromList([['content-length', text('4')]]));
  const isRefused = (set) => {
    let thrown = 'nothing was thrown';
    try {
      set();
    } catch (error) {
      thrown = error;
    }
    assert.equal(thrown, undefined);
  };
  for (const path of ['/a b', '/a\r\nb', 'a', '/a#b', '/ü']) isRefused(() => one.setPathWithQuery(path));
  for (const authority of ['', 'a b', 'user@a', 'a/b', 'a:x', 'a?b', '[::1', 'a\r\n']) isRefused(() => one.setAuthority(authority));
  isRefused(() => one.setMethod({ tag: 'connect' }));
  isRefused(() => one.setScheme({ tag: 'other', val: 'ftp' }));
  one.setAuthority('[::1]:8080');
  const body = one.body();
  body.write().write(text('abc'));
  outgoingHandler.handle(one, undefined);
  // Nothing was sent: there is no thread here that could.
  assert.throws(() => OutgoingBody.finish(body, undefined), { tag: 'HTTP-request-body-size', val: 3n });
});

test('calls one after the other share a connection', async () => {
  const server = await recorder();
  const connection = { secretKey: KEY, baseUrl: server.origin, workers: 2 };
  for (let call = 0; call < 5; call += 1) await request(connection, 'customers', 'retrieve', ['cus_1']);
  server.stop();
  assert.deepEqual(server.arrived.map(({ number }) => number), [1, 1, 1, 1, 1]);
});

test('an answer of many pieces arrives whole, and its connection is kept', async () => {
  const data = Array.from({ length: 60_000 }, (_, number) => ({ id: `cus_${number}`, name: 'ä'.repeat(20) }));
  const server = await recorder(JSON.stringify({ object: 'list', data }));
  const connection = { secretKey: KEY, baseUrl: server.origin };
  for (let call = 0; call < 2; call += 1) {
    const { body } = await request(connection, 'customers', 'list');
    assert.deepEqual(body.data, data);
  }
  server.stop();
  assert.deepEqual(server.arrived.map(({ number }) => number), [1, 1]);
});

test('a connection is kept where the answer was dropped behind its last byte', async () => {
  // As Node reads it, the last bytes fill a piece, and are told of before the end is.
  const body = JSON.stringify({ id: 'x'.repeat(256 * 1024 + 800) });
  const server = await recorder(body);
  for (let number = 1; number <= 2; number += 1) {
    let left = body.length;
    await new Promise((resolve, reject) => {
      const start = { method: 'GET', secure: false, authority: server.authority, path: '/', headers: ['host', 'a'], timeouts: {} };
      const exchange = new Exchange(start, undefined, ({ bytes, failure }) => {
        if (failure) reject(new Error(failure.tag));
        left -= bytes?.length ?? 0;
        if (left > 0) return queueMicrotask(() => exchange.more());
        exchange.drop();
        setImmediate(() => setImmediate(resolve));
      });
    });
  }
  server.stop();
  assert.deepEqual(server.arrived.map(({ number }) => number), [1, 1]);
});

test('a redirect is an answer, and nobody is sent there', async () => {
  const there = await recorder();
  const server = await serve((_, response) => json(response, {}, 307, { location: `${there.origin}/v1/balance` }));
  await assert.rejects(request({ secretKey: KEY, baseUrl: server.origin }, 'balance', 'retrieve'), { status: 307 });
  assert.equal(there.sockets.length, 0);
  server.stop();
  there.stop();
});

test('a connection that the server closed between two calls is not used again', async () => {
  const server = await listen((socket, text) => isWhole(text) && socket.end(written('{"object":"balance"}')));
  const connection = { secretKey: KEY, baseUrl: server.origin, maxNetworkRetries: 0 };
  for (const number of [1, 2, 3]) {
    assert.equal((await request(connection, 'balance', 'retrieve')).attempts, 1);
    await server.closed(number);
  }
  server.stop();
});

test('nor one that was closed while the event loop stood still', async (t) => {
  // It closes each connection as soon as it is told to, by another thread.
  const program = `
    import { createServer } from 'node:net';
    import { workerData as told, parentPort } from 'node:worker_threads';
    const answer = ${JSON.stringify(written('{"object":"balance"}'))};
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        Atomics.store(told, 0, 0);
        socket.write(answer);
        const close = setInterval(() => {
          if (Atomics.load(told, 0) !== 1) return;
          clearInterval(close);
          socket.destroy();
          socket.once('close', () => { Atomics.store(told, 0, 2); Atomics.notify(told, 0); });
        }, 1);
      });
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
  const told = new Int32Array(new SharedArrayBuffer(4));
  const server = new Worker(program, { eval: true, workerData: told });
  t.after(() => server.terminate());
  const [port] = await once(server, 'message');
  const connection = { secretKey: KEY, baseUrl: `http://127.0.0.1:${port}`, maxNetworkRetries: 0 };
  for (let call = 0; call < 5; call += 1) {
    assert.equal((await request(connection, 'customers', 'create', [{}])).attempts, 1);
    Atomics.store(told, 0, 1);
    Atomics.wait(told, 0, 1); // the event loop of this very thread
  }
});
