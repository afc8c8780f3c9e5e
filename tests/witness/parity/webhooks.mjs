// Signatures of a fresh seed, both ways: what the official client signed is put
// before the plugin, and what the plugin and the sandbox sign before the client.
//
//   node webhooks.mjs [SEED]

import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { SECRET_KEY } from '../recorder/call.mjs';
import { judged, madeUp, stripe, withOutcome } from '../recorder/webhooks/cases.mjs';
import { command, plan } from './harness.mjs';

const COUNT = 400;
const seed = process.argv[2] ?? String(Date.now());
console.log(`seed ${seed}`);
const faults = [];

/** A failure of the plugin's as a corpus has it. */
function outcomeOf({ local, error }) {
  if (local !== undefined) return 'accepted';
  if (error.code) return error.code;
  return /thin event|snapshot event/.test(error.message) ? 'wrong_kind' : error.type;
}

const cases = madeUp(seed, COUNT).map(withOutcome);
const calls = cases.map(({ id, thin, payload, header, secrets, tolerance, receivedAt }) => ({
  id,
  resource: thin ? '' : 'webhooks',
  method: thin ? 'parseEventNotification' : 'constructEvent',
  args: JSON.stringify([payload, header, secrets, tolerance, receivedAt]),
}));
const answers = await plan(calls, {}, SECRET_KEY);
cases.forEach((made, at) => {
  const outcome = outcomeOf(answers[at]);
  if (outcome !== made.outcome) faults.push(`${made.id}: the client says ${made.outcome}, the plugin ${outcome}: ${JSON.stringify(made)}`);
});

const generated = await plan(
  cases.map(({ id, payload, secrets, receivedAt }) => ({
    id,
    resource: 'webhooks',
    method: 'generateTestHeaderString',
    args: JSON.stringify([{ payload, secret: secrets[0], timestamp: receivedAt }]),
  })),
  {},
  SECRET_KEY,
);
cases.forEach((made, at) => {
  const thin = JSON.parse(made.payload).object !== 'event';
  const outcome = judged({ ...made, thin, header: generated[at].local, secrets: made.secrets.slice(0, 1), tolerance: 300 });
  if (outcome !== 'accepted') faults.push(`${made.id}: the client does not accept the plugin's signature: ${outcome}`);
});

/** Has the sandbox deliver an event to a server here, which the client verifies. */
async function delivered() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sandbox = spawn(command[0], [...command.slice(1), 'sandbox', '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const url = String((await once(sandbox.stdout, 'data'))[0]).trim();
    const post = async (path, form) => (await fetch(`${url}${path}`, {
      method: 'POST', headers: { authorization: `Bearer ${SECRET_KEY}` }, body: new URLSearchParams(form),
    })).json();
    const { secret } = await post('/v1/webhook_endpoints', {
      url: `http://127.0.0.1:${server.address().port}/hook`, 'enabled_events[0]': 'customer.created',
    });
    const arrived = once(server, 'request');
    await post('/v1/customers', { name: 'Größe 👍' });
    const [request, response] = await arrived;
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    response.end();
    const event = stripe.webhooks.constructEvent(body, request.headers['stripe-signature'], secret);
    if (event.data.object.name !== 'Größe 👍') faults.push(`the sandbox delivered another event: ${body}`);
  } finally {
    sandbox.kill();
    server.close();
  }
}
await delivered().catch((error) => faults.push(`the client does not accept the sandbox's signature: ${error.message}`));

console.log(faults.slice(0, 20).join('\n') || `${2 * COUNT + 1} signatures: the plugin, the sandbox and the client agree.`);
if (faults.length > 0) process.exitCode = 1;
