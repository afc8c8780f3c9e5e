// What the service of examples/restate/ promises besides the calls of calls.jsonl, by a
// real Restate. Stripe is a server in here that counts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { asTerminalError, RETRIES, serve, stripeService } from '../../examples/restate/service.mjs';
import { freePorts, restateServer } from './restate-server.mjs';

const HOUR = 3_600_000;
/** A payment's parameters. */
const PAYMENT = { amount: 2000, currency: 'eur' };

/** As much of an invocation as a handler asks for, where it is not Restate's. */
const INVOCATION = { request: () => ({ id: 'inv_1' }), date: { now: async () => Date.now() } };

let server;
/** Idempotency keys that arrived. */
let keys = [];
const stripe = createServer((request, response) => {
  keys.push(request.headers['idempotency-key']);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: `pi_${keys.length}`, object: 'payment_intent' }));
});

const up = () => ({ secretKey: 'sk_test_restate_4242', baseUrl: `http://127.0.0.1:${stripe.address().port}`, telemetry: false });

before(async () => {
  await once(stripe.listen(0, '127.0.0.1'), 'listening');
  // Nothing listens there; see check.py.
  const down = { ...up(), baseUrl: 'http://127.0.0.1:1', maxNetworkRetries: 0 };
  server = await restateServer();
  const [port] = await freePorts(1);
  const briefly = { ...RETRIES, maxRetryDuration: { seconds: 2 } };
  await serve([stripeService('stripe', up()), stripeService('down', down, briefly)], port, { logger: () => {} });
  await server.register(port);
});
after(() => {
  server.stop();
  stripe.close().closeAllConnections();
  // The services listen until then.
  setImmediate(() => process.exit());
});
beforeEach(() => {
  keys = [];
});

for (const handler of ['request', 'listAll', 'listPage', 'constructEvent']) {
  test(`${handler} says what is wrong with no input, and is not run again`, async () => {
    for (const input of [null, 7, 'text']) {
      const { status, body } = await server.call('stripe', handler, input);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(body.message, /should be/);
    }
    assert.deepEqual(keys, []);
  });
}

test('a payment without parameters goes to Stripe, which refuses it', async () => {
  assert.equal((await server.call('stripe', 'pay', null)).status, 200); // this one takes anything
  assert.equal(keys.length, 1);
});

test('an error of the code itself is not run again', () => {
  assert.match(asTerminalError(new TypeError('no function'))?.message ?? '', /no function/);
  assert.equal(asTerminalError(new Error('the thread ended')), undefined);
});

test('a call that is made twice pays twice, unless it has an idempotency-key', async () => {
  const [first, second] = [await server.call('stripe', 'pay', PAYMENT), await server.call('stripe', 'pay', PAYMENT)];
  assert.notEqual(first.body.id, second.body.id);
  assert.equal(new Set(keys).size, 2);
  const named = { 'idempotency-key': 'order-17' };
  const [third, again] = [await server.call('stripe', 'pay', PAYMENT, named), await server.call('stripe', 'pay', PAYMENT, named)];
  assert.deepEqual(again.body, third.body);
  assert.equal(keys.length, 3);
});

test('what stays transient ends as an error, when the time is over', async () => {
  const { status, body } = await server.call('down', 'pay', PAYMENT);
  assert.equal(status, 500);
  assert.match(body.message, /refused the connection/);
});

for (const handler of ['pay', 'request']) {
  test(`${handler} is not repeated behind that, where the service was down since`, async () => {
    const at = async (hours) => {
      const begun = Date.now() - hours * HOUR;
      const context = { ...INVOCATION, date: { now: async () => begun }, run: (name, action) => action() };
      return stripeService('stripe', up()).service[handler](context, { resource: 'customers', method: 'list' });
    };
    await assert.rejects(at(20.1), { name: 'TerminalError', message: /forgotten its key.*Look for it/ });
    assert.deepEqual(keys, []);
    await at(19.9);
    assert.deepEqual(keys, [handler === 'pay' ? 'restate-inv_1' : undefined]);
  });
}

test('that time is over before Stripe forgets a key', async () => {
  const given = [];
  const handlers = Object.values(stripeService('stripe', {}).service);
  const context = { ...INVOCATION, run: (name, action, options) => given.push(options) };
  for (const handler of handlers) await handler(context, {});
  assert.equal(given.length, 5);
  for (const { maxRetryDuration } of given) {
    const { days = 0, hours = 0, minutes = 0 } = maxRetryDuration;
    const time = ((days * 24 + hours) * 60 + minutes) * 60_000;
    // One more attempt may begin just before, with all of its own repetitions.
    assert.ok(time > HOUR && time <= 23 * HOUR, JSON.stringify(maxRetryDuration));
  }
});
