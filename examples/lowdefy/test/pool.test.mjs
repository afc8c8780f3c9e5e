// What the package promises besides the answers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { constructEvent, listAll, listPage, request, StripeError, stripeRequest } from 'lowdefy-stripe-wasm';
import { Stripe } from 'lowdefy-stripe-wasm/connections';
import types from 'lowdefy-stripe-wasm/types';
import { callThroughLowdefy } from './app.mjs';
import { json, serve } from './server.mjs';

const KEY = 'sk_test_pool_4242';

test('four calls are under way at once, and the event loop goes on', async () => {
  // Nobody is answered before all four have arrived.
  const held = [];
  const server = await serve((_, response) => {
    held.push(response);
    if (held.length === 4) held.forEach((waiting) => json(waiting, { object: 'list', data: [] }));
  });
  const connection = { secretKey: KEY, baseUrl: server.origin, workers: 4 };
  const answers = await Promise.all(Array.from({ length: 4 }, () => request(connection, 'customers', 'list')));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
  server.stop();
});

test('more calls than threads wait for their turn', async () => {
  const server = await serve((_, response) => json(response, { object: 'balance' }));
  const connection = { secretKey: KEY, baseUrl: server.origin, workers: 1 };
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(connection, 'balance', 'retrieve')));
  assert.equal(answers.filter(({ body }) => body.object === 'balance').length, 20);
  server.stop();
});

test('a call that is given up ends at once, and the next one works', async () => {
  const giveUp = new AbortController();
  let hold = true;
  const server = await serve((_, response) => {
    if (hold) giveUp.abort();
    else json(response, { object: 'balance' });
  });
  const connection = { secretKey: KEY, baseUrl: server.origin };
  await assert.rejects(request(connection, 'balance', 'retrieve', null, { signal: giveUp.signal }), { name: 'AbortError' });
  hold = false;
  assert.equal((await request(connection, 'balance', 'retrieve')).body.object, 'balance');
  await assert.rejects(request(connection, 'balance', 'retrieve', null, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  server.stop();
});

test('errors are StripeErrors with what Stripe said', async () => {
  const error = { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds', message: 'Your card has insufficient funds.' };
  const server = await serve((_, response) => json(response, { error }, 402));
  await assert.rejects(
    request({ secretKey: KEY, baseUrl: server.origin }, 'paymentIntents', 'confirm', ['pi_1']),
    (thrown) => {
      assert.ok(thrown instanceof StripeError && thrown instanceof Error);
      const { name, case: isCase, type, code, declineCode, status, message, mayHaveBeenSent } = thrown;
      assert.deepEqual(
        { name, isCase, type, code, declineCode, status, message, mayHaveBeenSent },
        {
          name: 'StripeError', isCase: 'permanent', type: 'card_error', code: 'card_declined',
          declineCode: 'insufficient_funds', status: 402, message: error.message, mayHaveBeenSent: false,
        },
      );
      return true;
    },
  );
  server.stop();
});

test('a size that is none is refused before anything is sent', async () => {
  for (const workers of [0, 65, 1.5, '4']) {
    await assert.rejects(request({ secretKey: KEY, workers }, 'balance', 'retrieve'), { type: 'configuration_error', path: 'properties.workers' });
  }
});

test('what would not get into the component as it is, is refused', async () => {
  const connection = { secretKey: KEY, baseUrl: 'http://127.0.0.1:1', maxNetworkRetries: 0 };
  const holdsItself = { self: {} };
  holdsItself.self.self = holdsItself;
  const refused = [
    ['resource', request(connection, undefined, 'list')],
    ['method', request(connection, 'customers', 5)],
    ['args', request(connection, 'customers', 'list', () => {})],
    ['properties', stripeRequest(connection, undefined)],
    // JSON alone makes null of these, and Stripe empties what is null; or it throws.
    ...[NaN, Infinity, -Infinity, 10n, Symbol('1'), () => {}, new Date(NaN)].flatMap((amount) => [
      ['args', request(connection, 'paymentIntents', 'create', amount)],
      ['args[0].amount', request(connection, 'paymentIntents', 'create', [{ amount }])],
      ['args[0].metadata["a b"][1]', listPage(connection, 'customers', 'list', [{ metadata: { 'a b': [0, amount] } }])],
      ['properties.charges.create[0].amount', stripeRequest(connection, { charges: { create: [{ amount }] } })],
    ]),
    ['args[0].self.self', request(connection, 'customers', 'create', [holdsItself])],
    ...[undefined, -1, 2 ** 32, 1.5, '10'].map((limit) => ['limit', listAll(connection, 'customers', 'list', null, { limit })]),
    ['cursor', listPage(connection, 'customers', 'list', null, { cursor: {} })],
    ['payload', constructEvent({ id: 'evt_1' }, 't=1,v1=0', 'whsec_1')],
    ['secrets', constructEvent('{}', 't=1,v1=0', [5])],
    ['tolerance', constructEvent('{}', 't=1,v1=0', 'whsec_1', { tolerance: -1 })],
    ['receivedAt', constructEvent('{}', 't=1,v1=0', 'whsec_1', { receivedAt: Date.now() })],
  ];
  for (const [path, call] of refused) await assert.rejects(call, { name: 'StripeError', type: 'argument_error', path, mayHaveBeenSent: false });
  for (const timeout of [NaN, 5n]) {
    await assert.rejects(request({ ...connection, timeout }, 'balance', 'retrieve'), { type: 'configuration_error', path: 'properties.timeout' });
  }
  await assert.rejects(request(connection, 'charges', 'create', [{ amount: NaN }]), { message: 'args[0].amount should be a finite number, not NaN.' });
});

test('dates go out as Stripe takes them: in seconds, and in v2 as text', async () => {
  const arrived = [];
  const server = await serve(({ url, body }, response) => {
    arrived.push(decodeURIComponent(body || url));
    json(response, { object: 'list', data: [] });
  });
  const connection = { secretKey: KEY, baseUrl: server.origin };
  // Before 1970 too, the second that has begun is the one below.
  const [date, early] = [new Date('2026-01-15T12:00:00.999Z'), new Date(-1)];
  const shared = { date };
  await request(connection, 'subscriptions', 'create', [{ customer: 'cus_1', cancel_at: date, metadata: { a: shared, b: shared, early } }]);
  await stripeRequest(connection, { customers: { list: [{ created: { gte: date } }] } });
  await request(connection, 'v2.core.accounts', 'create', [{ metadata: { date } }]);
  await stripeRequest(connection, { v2: { core: { accounts: { create: [{ metadata: { date } }] } } } });
  await request(connection, '', 'rawRequest', ['POST', '/v2/core/accounts', { metadata: { date } }]);
  await request(connection, '', 'rawRequest', ['POST', '/v1/customers', { metadata: { date } }]);
  const outcome = await callThroughLowdefy({
    connections: { Stripe },
    connection,
    request: { invoices: { list: [{ created: { gt: { _date: '2026-01-15T12:00:00.999Z' }, lt: { _payload: 'until' } } }] } },
    payload: { until: { '~d': 1768564800000 } },
  });
  server.stop();
  assert.deepEqual(outcome, { response: { object: 'list', data: [] } });
  const text = '{"metadata":{"date":"2026-01-15T12:00:00.999Z"}}';
  assert.deepEqual(arrived, [
    'customer=cus_1&cancel_at=1768478400&metadata[a][date]=1768478400&metadata[b][date]=1768478400&metadata[early]=-1',
    '/v1/customers?created[gte]=1768478400',
    text,
    text,
    text,
    'metadata[date]=1768478400',
    '/v1/invoices?created[gt]=1768478400&created[lt]=1768564800',
  ]);
});

test('a walk that is given up ends at once', async () => {
  const giveUp = new AbortController();
  let pages = 0;
  const server = await serve((_, response) => {
    pages += 1;
    if (pages === 3) giveUp.abort();
    else json(response, { object: 'list', has_more: true, data: [{ id: `cus_${pages}` }] });
  });
  const walk = listAll({ secretKey: KEY, baseUrl: server.origin }, 'customers', 'list', null, { limit: 100, signal: giveUp.signal });
  await assert.rejects(walk, { name: 'AbortError' });
  assert.equal(pages, 3);
  server.stop();
});

test('the component sees no variable of the environment', async () => {
  process.env.STRIPE_SECRET_KEY = KEY;
  await assert.rejects(request({}, 'balance', 'retrieve'), { type: 'configuration_error' });
  delete process.env.STRIPE_SECRET_KEY;
});

test('it loads as Lowdefy loads it, as a module and from CommonJS', () => {
  const require = createRequire(import.meta.url);
  assert.equal(require('lowdefy-stripe-wasm/connections').Stripe, Stripe);
  assert.equal(require('lowdefy-stripe-wasm').request, request);
  assert.deepEqual(require('lowdefy-stripe-wasm/types'), types);
  assert.deepEqual(types, { connections: ['Stripe'], requests: Object.keys(Stripe.requests) });
  assert.deepEqual(Stripe.requests.StripeRequest.meta, { checkRead: false, checkWrite: false });
});

test('a program that has made its calls ends by itself', async () => {
  const server = await serve((_, response) => json(response, { object: 'balance' }));
  const program = `
    import { request } from 'lowdefy-stripe-wasm';
    await request({ secretKey: '${KEY}', baseUrl: 'http://127.0.0.1:1', maxNetworkRetries: 0 }, 'balance', 'retrieve')
      .catch(({ type }) => console.log(type));`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8', timeout: 60_000,
  });
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'connection_error\n', '']);
  server.stop();
});
