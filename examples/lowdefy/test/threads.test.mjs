// The pool: how many calls are under way, what giving one up does, and when threads end.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'lowdefy-stripe-wasm';
import { isWhole, listen, test, written } from './raw.mjs';
import { json, serve } from './server.mjs';

const { Pool } = createRequire(import.meta.url)('../src/pool.cjs');

const KEY = 'sk_test_threads_4242';
const HARNESS = process.env.STRIPE_HARNESS ?? fileURLToPath(new URL('../../../target/debug/stripe-harness', import.meta.url));

/** A program of its own: its status, and what it said. */
function ended(source) {
  return new Promise((resolve) => {
    execFile(
      process.execPath, ['--input-type=module', '--eval', source], { cwd: fileURLToPath(new URL('.', import.meta.url)), timeout: 60_000 },
      (error, stdout, stderr) => resolve([error?.code ?? error?.signal ?? 0, stdout, stderr]),
    );
  });
}

test('each of many calls at once gets its own answer', async () => {
  const server = await serve(({ url, body }, response) => json(response, { url, body }));
  const connection = { secretKey: KEY, baseUrl: server.origin, workers: 8 };
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const answers = await Promise.all(numbers.map((number) => request(connection, 'customers', 'update', [`cus_${number}`, { name: `n${number}` }])));
  server.stop();
  assert.deepEqual(answers.map(({ body }) => body), numbers.map((number) => ({ url: `/v1/customers/cus_${number}`, body: `name=n${number}` })));
});

test('as many calls are under way as there are workers, and no more', async () => {
  let held = [];
  const sizes = [];
  const server = await serve((_, response) => {
    held.push(response);
    // Nobody is answered before three are there, and a fourth could have come.
    if (held.length !== 3) return;
    setTimeout(() => {
      sizes.push(held.length);
      const answered = held;
      held = [];
      for (const one of answered) json(one, { object: 'balance' });
    }, 50);
  });
  const pool = new Pool(3);
  const properties = JSON.stringify({ secretKey: KEY, baseUrl: server.origin });
  const calls = Array.from({ length: 12 }, () => pool.run({ function: 'request', properties, resource: 'balance', method: 'retrieve', args: 'null' }));
  // The third begins when one of them waits.
  assert.equal(pool.threads, Math.min(3, Math.max(2, availableParallelism())));
  await Promise.all(calls);
  server.stop();
  assert.deepEqual(sizes, [3, 3, 3, 3]);
});

test('a call that is given up ends its exchange', async () => {
  const giveUp = new AbortController();
  const server = await listen((socket, text) => isWhole(text) && giveUp.abort());
  const given = request({ secretKey: KEY, baseUrl: server.origin }, 'balance', 'retrieve', null, { signal: giveUp.signal });
  await assert.rejects(given, { name: 'AbortError' });
  await server.closed(1);
  server.stop();
});

test('calls that wait for another attempt keep nobody from calling', async () => {
  const giveUp = new AbortController();
  const server = await serve(({ url }, response) => (url === '/v1/balance' ? json(response, { object: 'balance' }) : json(response, {}, 500)));
  const connection = { secretKey: KEY, baseUrl: server.origin, workers: 64, retryConfig: { interval: 600, maxWaitInterval: 600 }, totalTimeout: 3_600_000 };
  // More than may compute at once.
  const sleeping = Array.from({ length: Math.max(2, availableParallelism()) + 1 }, () =>
    request(connection, 'customers', 'list', null, { signal: giveUp.signal }).catch(({ name }) => name));
  assert.equal((await request(connection, 'balance', 'retrieve')).body.object, 'balance');
  giveUp.abort();
  assert.deepEqual(new Set(await Promise.all(sleeping)), new Set(['AbortError']));
  server.stop();
});

test('threads that nobody needs are let go, but for one', async () => {
  let waiting = [];
  const server = await serve((_, response) => {
    waiting.push(response);
    if (waiting.length < 3) return;
    for (const one of waiting) json(one, { object: 'balance' });
    waiting = [];
  });
  const pool = new Pool(3, 50);
  const properties = JSON.stringify({ secretKey: KEY, baseUrl: server.origin });
  const task = { function: 'request', properties, resource: 'balance', method: 'retrieve', args: 'null' };
  const threeTimes = () => Promise.all([1, 2, 3].map(() => pool.run(task)));
  await threeTimes();
  assert.equal(pool.threads, 3);
  while (pool.threads > 1) await pause(10);
  await pause(150);
  assert.equal(pool.threads, 1);
  // And they come again.
  assert.deepEqual((await threeTimes()).map(({ status }) => status), [200, 200, 200]);
  server.stop();
});

test('a program ends although its connections are kept, and says what the component says', async () => {
  const server = await listen((socket, text) => isWhole(text) && socket.write(written('{"id":"cus_1"}')));
  const [status, stdout, stderr] = await ended(`
    import { request } from 'lowdefy-stripe-wasm';
    const connection = { secretKey: '${KEY}', baseUrl: '${server.origin}', workers: 4, validation: 'warn' };
    const calls = Array.from({ length: 4 }, () => request(connection, 'customers', 'create', [{ electronic_mail: 'a@b.example' }]));
    console.log((await Promise.all(calls)).length);`);
  server.stop();
  assert.deepEqual([status, stdout], [0, '4\n']);
  assert.equal(stderr.match(/^customers\.create .*electronic_mail/gm)?.length, 4, stderr);
  assert.equal(stderr.includes(KEY), false);
});

test('payments in a sandbox, many at once: each is made once', async (t) => {
  if (!existsSync(HARNESS)) return t.skip(`there is no ${HARNESS}; STRIPE_HARNESS names one`);
  const sandbox = spawn(HARNESS, ['sandbox', '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => sandbox.kill());
  const [origin] = await once(createInterface({ input: sandbox.stdout }), 'line');
  const connection = { secretKey: KEY, baseUrl: origin, workers: 8 };
  const payments = await Promise.all(Array.from({ length: 50 }, (_, number) =>
    request(connection, 'paymentIntents', 'create', [{ amount: 1000 + number, currency: 'eur' }, { idempotencyKey: `payment-${number}` }])));
  const again = await request(connection, 'paymentIntents', 'create', [{ amount: 1000, currency: 'eur' }, { idempotencyKey: 'payment-0' }]);
  assert.equal(again.body.id, payments[0].body.id);
  const { body } = await request(connection, 'paymentIntents', 'list', [{ limit: 100 }]);
  assert.deepEqual(body.data.map(({ amount }) => amount).sort(), Array.from({ length: 50 }, (_, number) => 1000 + number));
  assert.equal(new Set(payments.map(({ body: { id } }) => id)).size, 50);
});
