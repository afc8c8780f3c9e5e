// What a caller is told when no answer comes, and whether the request counts as sent.
// Nothing of it may hold the key.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { request } from 'lowdefy-stripe-wasm';
import { Exchange, exchanged, isWhole, listen, test, written } from './raw.mjs';

const KEY = 'sk_test_failures_4242';
const SHORT = 50;

/** What a call that fails is told. */
async function failed(connection, args = ['customers', 'create', [{ email: 'a@b.example' }]]) {
  const error = await request({ secretKey: KEY, maxNetworkRetries: 0, ...connection }, ...args).then(
    (response) => assert.fail(`It succeeded: ${JSON.stringify(response)}`),
    (error) => error,
  );
  assert.equal(`${inspect(error)} ${error.stack} ${JSON.stringify(error)}`.includes(KEY), false, 'the key is told');
  const { case: isCase, type, mayHaveBeenSent: sent, message, attempts } = error;
  return { case: isCase, type, sent, message, attempts };
}

/** A server that answers each request that is whole with these bytes, and may hang up. */
const answering = (bytes, hangUp = false) => listen((socket, text) => {
  if (isWhole(text)) hangUp ? socket.end(bytes) : socket.write(bytes);
});

test('nobody listens: not sent', async () => {
  const server = await listen();
  server.stop();
  const { message, ...rest } = await failed({ baseUrl: server.origin });
  assert.deepEqual(rest, { case: 'transient', type: 'connection_error', sent: false, attempts: 1 });
  assert.match(message, /refused the connection/);
});

test('a name that has no address: not sent', async () => {
  // Longer than a name's part may be, so that nobody is asked.
  const { message, ...rest } = await failed({ baseUrl: `http://${'a'.repeat(64)}.example` });
  assert.deepEqual(rest, { case: 'transient', type: 'connection_error', sent: false, attempts: 1 });
  assert.match(message, /could not be resolved/);
});

test('no TLS comes about: the time to connect ends, and with it the connection', async () => {
  const server = await listen();
  const { failure } = await exchanged({ authority: server.authority, secure: true, timeouts: { connect: SHORT } });
  assert.deepEqual(failure, { tag: 'connection-timeout' });
  await server.closed(1);
  server.stop();
});

test('no answer comes: the time to its first byte ends, and with it the connection', async () => {
  const server = await listen();
  const { failure } = await exchanged({ authority: server.authority, timeouts: { firstByte: SHORT } });
  assert.deepEqual(failure, { tag: 'HTTP-response-timeout' });
  await server.closed(1);
  server.stop();
});

test('an answer stops in its middle: what has come is handed on, and the time to the next byte ends', async () => {
  const server = await answering(written('abcdef').slice(0, -3));
  const { status, body, failure } = await exchanged({ authority: server.authority, timeouts: { betweenBytes: SHORT } });
  assert.deepEqual([status, String(body), failure], [200, 'abc', { tag: 'connection-read-timeout' }]);
  await server.closed(1);
  server.stop();
});

test('a call waits for the answer as long as its timeout says', async () => {
  const server = await listen();
  const { message, ...rest } = await failed({ baseUrl: server.origin, timeout: 2 * SHORT });
  assert.deepEqual(rest, { case: 'permanent', type: 'timeout_error', sent: true, attempts: 1 });
  await server.closed(1);
  server.stop();
});

const BROKEN = [
  ['the server hangs up instead of answering', '', true],
  ['in the middle of the head', 'HTTP/1.1 200 OK\r\ncontent-', true],
  ['in the middle of the body', written('{"id":"obj_1"}').slice(0, -4), true],
  ['in the middle of a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc', true],
  ['what comes is no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', false],
  ['a chunk is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n', false],
  ['it wants to speak another protocol', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n', false],
];
for (const [what, bytes, hangsUp] of BROKEN) {
  test(`${what}: it may have been sent`, async () => {
    const server = await answering(bytes, hangsUp);
    const { message, ...rest } = await failed({ baseUrl: server.origin });
    assert.deepEqual(rest, { case: 'permanent', type: 'connection_error', sent: true, attempts: 1 });
    assert.match(message, /^No answer from Stripe: /);
    server.stop();
  });
}

test('in wasi:http\'s words', async () => {
  const tagOf = async (...how) => {
    const server = await answering(...how);
    const { failure } = await exchanged({ authority: server.authority });
    server.stop();
    return failure?.tag;
  };
  assert.equal(await tagOf('', true), 'connection-terminated');
  assert.equal(await tagOf('SSH-2.0-OpenSSH_9.2\r\n'), 'HTTP-protocol-error');
  assert.equal(await tagOf(`HTTP/1.1 200 OK\r\na: ${'b'.repeat(100_000)}\r\n\r\n`), 'HTTP-response-header-section-size');
  const cut = await tagOf(written('abcdef').slice(0, -3), true);
  assert.ok(['HTTP-response-incomplete', 'connection-terminated'].includes(cut), cut);
  const { failure } = await exchanged({ authority: '127.0.0.1:65536' });
  assert.deepEqual(failure, { tag: 'HTTP-request-URI-invalid' });
});

test('a connection that is lost is tried again with the same bytes and key', async () => {
  const arrived = [];
  const server = await listen((socket, text) => {
    if (!isWhole(text)) return;
    arrived.push(text);
    arrived.length === 1 ? socket.destroy() : socket.end(written('{"id":"cus_1"}'));
  });
  const { attempts, idempotencyKey } = await request(
    { secretKey: KEY, baseUrl: server.origin, maxNetworkRetries: 1, retryConfig: { interval: 0 } }, 'customers', 'create', [{ name: 'a' }],
  );
  server.stop();
  assert.equal(attempts, 2);
  assert.equal(arrived.length, 2);
  assert.equal(arrived[0], arrived[1]);
  assert.ok(arrived[0].includes(`idempotency-key: ${idempotencyKey}\r\n`));
});

test('so is what the server failed at', async () => {
  const arrived = [];
  const server = await listen((socket, text) => {
    if (!isWhole(text)) return;
    arrived.push(text);
    socket.end(arrived.length < 3 ? written('{"error":{"type":"api_error"}}', '', '500 Oh') : written('{"id":"cus_1"}'));
  });
  const { attempts } = await request(
    { secretKey: KEY, baseUrl: server.origin, maxNetworkRetries: 2, retryConfig: { interval: 0 } }, 'customers', 'create', [{ name: 'a' }],
  );
  server.stop();
  assert.equal(attempts, 3);
  assert.deepEqual(new Set(arrived).size, 1);
});

/** Sends pieces of an answer for as long as somebody takes them. */
async function pouring(head) {
  const piece = `${(65_536).toString(16)}\r\n${' '.repeat(65_536)}\r\n`;
  let poured = 0;
  const server = await listen((socket, text) => {
    if (!isWhole(text)) return;
    socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    const pour = () => {
      while (!socket.destroyed) {
        poured += piece.length;
        if (!socket.write(piece)) break;
      }
    };
    socket.on('drain', pour);
    pour();
  });
  return { ...server, poured: () => poured };
}

test('an answer that never ends is given up at the limit, and the server sees that', async () => {
  const server = await pouring('transfer-encoding: chunked\r\n');
  const { message, ...rest } = await failed({ baseUrl: server.origin, maxResponseBytes: 1_000_000 });
  assert.deepEqual(rest, { case: 'permanent', type: 'response_error', sent: true, attempts: 1 });
  assert.match(message, /larger than the 1000000 bytes/);
  await server.closed(1);
  // The limit, what two threads hold of it, and the buffers of two sockets.
  assert.ok(server.poured() < 30_000_000, `${server.poured()} bytes were taken`);
  server.stop();
});

test('one that says so beforehand is not waited for', async () => {
  const server = await answering('HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n');
  const { message } = await failed({ baseUrl: server.origin, maxResponseBytes: 1_000_000 });
  assert.match(message, /larger than the 1000000 bytes/);
  await server.closed(1);
  server.stop();
});

test('no more of an answer is read than somebody asks for', async () => {
  const server = await pouring('transfer-encoding: chunked\r\n');
  let pieces = 0;
  let exchange;
  const told = new Promise((resolve) => {
    const start = { method: 'GET', secure: false, authority: server.authority, path: '/', headers: ['host', 'a'], timeouts: {} };
    exchange = new Exchange(start, undefined, () => resolve((pieces += 1)));
  });
  await told;
  // Until the server can send no more.
  for (let last; last !== server.poured();) {
    last = server.poured();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(pieces, 1);
  assert.ok(server.poured() < 30_000_000, `${server.poured()} bytes were taken`);
  exchange.drop();
  await server.closed(1);
  server.stop();
});

let folder, certificate, secure;
const arrivedSecurely = [];

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'lowdefy-stripe-wasm-'));
  certificate = path.join(folder, 'certificate.pem');
  const key = path.join(folder, 'key.pem');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key, '-out', certificate, ...subject], { stdio: 'ignore' });
  secure = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    arrivedSecurely.push(request.url);
    response.setHeader('content-type', 'application/json');
    response.end('{"object":"balance"}');
  });
  await once(secure.listen(0, '127.0.0.1'), 'listening');
});
after(() => {
  secure.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

test('a certificate that nobody vouches for: not sent', async () => {
  const { message, ...rest } = await failed({ baseUrl: `https://127.0.0.1:${secure.address().port}` });
  assert.deepEqual(rest, { case: 'permanent', type: 'connection_error', sent: false, attempts: 1 });
  assert.match(message, /certificate .* was not accepted/);
  assert.deepEqual(arrivedSecurely, []);
});

test('no TLS is spoken there: not sent', async () => {
  const server = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const { message, ...rest } = await failed({ baseUrl: server.origin.replace('http', 'https') });
  assert.deepEqual(rest, { case: 'permanent', type: 'connection_error', sent: false, attempts: 1 });
  assert.match(message, /does it speak TLS/);
  server.stop();
});

/** A program of its own, which makes one call and says what came of it. */
function program(port, host, env) {
  const source = `
    import { request } from 'lowdefy-stripe-wasm';
    await request({ secretKey: '${KEY}', baseUrl: 'https://${host}:${port}', maxNetworkRetries: 0 }, 'balance', 'retrieve')
      .then(({ status }) => console.log(status), ({ message }) => console.log(message));`;
  const options = { cwd: fileURLToPath(new URL('.', import.meta.url)), env: { ...process.env, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', source], options, (error, stdout, stderr) => resolve([error?.code ?? 0, stdout, stderr]));
  });
}

test('one that the operator vouches for is taken, for its names only', async () => {
  const { port } = secure.address();
  const env = { NODE_EXTRA_CA_CERTS: certificate };
  assert.deepEqual(await program(port, 'localhost', env), [0, '200\n', '']);
  assert.deepEqual(arrivedSecurely.splice(0), ['/v1/balance']);
  const [status, told, errors] = await program(port, '127.0.0.1', env);
  assert.deepEqual([status, errors], [0, '']);
  assert.match(told, /certificate .* was not accepted/);
  assert.deepEqual(arrivedSecurely, []);
});
