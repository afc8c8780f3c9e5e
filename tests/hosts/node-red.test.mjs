// What the nodes of examples/node-red/ promise besides the calls of calls.jsonl: whose
// word counts, and what becomes of a call whose flow is stopped. Stripe is a server in
// here, which answers when a test says so.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { nodeRed } from './node-red-runtime.mjs';

/** What Node-RED gives a node to stop, in milliseconds. */
const CLOSING = 3000;

let red;
/** What Node-RED logged: warnings and errors. */
let logged = [];
/** Requests that arrived: `POST /v1/…`. */
let asked = [];
/** Answers that wait for a test's word. */
let held;
const stripe = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  const answer = () => {
    const items = Array.from({ length: 3 }, (_, number) => ({ id: `cus_${number}`, object: 'customer' }));
    const body = request.url.startsWith('/v1/customers') ? { object: 'list', url: '/v1/customers', has_more: false, data: items } : { id: 'pi_1', object: 'payment_intent' };
    response.writeHead(200, { 'content-type': 'application/json', 'request-id': 'req_1' }).end(JSON.stringify(body));
  };
  if (held) held.push(answer);
  else answer();
  stripe.emit('asked');
});

before(async () => {
  await once(stripe.listen(0, '127.0.0.1'), 'listening');
  const witness = { level: 'warn', handler: () => ({ msg }) => logged.push(String(msg?.message ?? msg)) };
  red = await nodeRed({ nodeCloseTimeout: CLOSING, logging: { console: { level: 'off' }, witness } });
});
after(async () => {
  await red.stop();
  stripe.close().closeAllConnections();
});
beforeEach(() => {
  logged = [];
  asked = [];
  held = undefined;
});

/** HTTP in, a Stripe node, HTTP out; errors by a catch node. */
function flow(type, config) {
  const node = (kind, id, more) => ({ id, type: kind, z: 'tab', x: 0, y: 0, ...more });
  const properties = JSON.stringify({ baseUrl: `http://127.0.0.1:${stripe.address().port}`, maxNetworkRetries: 0, telemetry: false });
  return [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'connection', type: 'stripe-connection', properties, credentials: { secretKey: 'sk_test_flows' } },
    node('http in', 'in', { url: '/call', method: 'post', wires: [['take']] }),
    node('function', 'take', { func: 'return Object.assign(msg, msg.payload);', outputs: 1, wires: [['call']] }),
    node(type, 'call', { connection: 'connection', resource: '', method: '', limit: '', ...config, wires: [['out']] }),
    node('catch', 'catch', { scope: null, wires: [['failed']] }),
    node('function', 'failed', { func: 'msg.payload = { failed: msg.error.message, stripe: msg.stripe }; return msg;', outputs: 1, wires: [['out']] }),
    node('http response', 'out', { statusCode: '200', wires: [] }),
  ];
}

async function sent(message) {
  const answer = await fetch(`${red.origin}/call`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) });
  return answer.json();
}

/** Sends a message whose call is under way, and unanswered, when this returns: what
 * its sender hears in the end. */
async function underWay(message) {
  held = [];
  const begun = once(stripe, 'asked');
  const heard = sent(message);
  heard.catch(() => {}); // of some of them nobody hears
  await begun;
  return { heard };
}

/** Lets Stripe answer when a flow has begun to stop. */
const answerSoon = () => setTimeout(() => held.forEach((answer) => answer()), CLOSING / 10);

const PAYMENT = { resource: 'paymentIntents', method: 'create', payload: [{ amount: 100, currency: 'eur' }] };

test('a message does not override what the editor says', async () => {
  await red.deploy(flow('stripe-request', { resource: 'customers', method: 'list' }));
  await sent({ ...PAYMENT, payload: [] });
  assert.deepEqual(asked, ['GET /v1/customers']);
});

test('a message says what the editor leaves out', async () => {
  await red.deploy(flow('stripe-request', { resource: 'paymentIntents' }));
  await sent({ ...PAYMENT, resource: 'customers' });
  assert.deepEqual(asked, ['POST /v1/payment_intents']);
});

test('a message does not lift the limit of a list', async () => {
  await red.deploy(flow('stripe-list', { resource: 'customers', method: 'list', limit: '2' }));
  assert.equal((await sent({ limit: 1000, payload: [] })).length, 2);
});

test('a message says the limit where the editor does not', async () => {
  await red.deploy(flow('stripe-list', { resource: 'customers', method: 'list' }));
  assert.equal((await sent({ limit: 1, payload: [] })).length, 1);
});

test('a call ends before its node does, and the flow hears of it', async () => {
  await red.deploy(flow('stripe-request', {}));
  const { heard } = await underWay(PAYMENT);
  answerSoon();
  await red.deploy(flow('stripe-request', { name: 'renamed' }), 'nodes');
  assert.equal((await heard).id, 'pi_1');
});

test('a call that ends while all of its flow stops is logged', async () => {
  await red.deploy(flow('stripe-request', {}));
  await underWay(PAYMENT);
  answerSoon();
  await red.deploy(flow('stripe-request', {}));
  assert.equal(logged.length, 1, logged.join('\n'));
  assert.match(logged[0], /req_1 payment_intent pi_1/);
});

test('a call that does not end is given up, and said to be perhaps sent', async () => {
  await red.deploy(flow('stripe-request', {}));
  const { heard } = await underWay(PAYMENT);
  await red.deploy(flow('stripe-request', { name: 'renamed' }), 'nodes');
  const { failed, stripe: failure } = await heard;
  assert.match(failed, /may have been sent.*idempotencyKey/);
  assert.equal(failure.mayHaveBeenSent, true);
  // In the log too: a catch node that names the node, or is of a flow that stops, hears nothing.
  assert.ok(logged.some((line) => line.includes('may have been sent')), logged.join('\n'));
  assert.ok(!logged.some((line) => line.includes('timed out')), logged.join('\n'));
});
