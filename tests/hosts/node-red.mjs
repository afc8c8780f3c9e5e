// Driver of Node-RED: the real runtime with the nodes of examples/node-red/ and a
// flow for each connection, which a call enters and leaves by HTTP. See check.py.

import { createInterface } from 'node:readline';
import { nodeRed } from './node-red-runtime.mjs';

const red = await nodeRed();

/** A tab with one connection, and for each kind of node: HTTP in, the node, HTTP out;
 * errors by a catch node. A delivery comes in as it does from Stripe. */
const KINDS = {
  'stripe-request': { take: 'Object.assign(msg, msg.payload); msg.payload = msg.args; return msg;' },
  'stripe-list': { take: 'Object.assign(msg, msg.payload); msg.payload = msg.args; return msg;', give: '{ items: msg.payload, next: msg.stripe.next }' },
  'stripe-webhook': { take: 'msg.receivedAt = Number(msg.req.headers["x-received-at"]) || undefined; return msg;', skipBodyParsing: true },
};
const deployed = new Map();
async function flowFor(connection) {
  const text = JSON.stringify(connection);
  if (!deployed.has(text)) deployed.set(text, `/call-${deployed.size}`);
  else return deployed.get(text);
  const flows = [...deployed].flatMap(([properties, url], at) => {
    const { secretKey, webhookSecrets, ...rest } = JSON.parse(properties);
    const credentials = { secretKey, webhookSecret: webhookSecrets.join(' ') };
    const branches = Object.entries(KINDS).flatMap(([kind, { take, give = 'msg.payload', skipBodyParsing = false }]) => {
      const id = (name) => `${name}-${kind}-${at}`;
      const node = (type, name, more) => ({ id: id(name), type, z: `tab${at}`, x: 0, y: 0, ...more });
      return [
        node('http in', 'in', { url: `${url}/${kind}`, method: 'post', skipBodyParsing, wires: [[id('take')]] }),
        node('function', 'take', { func: take, outputs: 1, wires: [[id('call')]] }),
        node(kind, 'call', { connection: `connection${at}`, resource: '', method: '', limit: '', wires: [[id('give')]] }),
        node('function', 'give', { func: `msg.payload = { body: ${give} }; return msg;`, outputs: 1, wires: [[id('out')]] }),
        node('catch', 'catch', { scope: [id('call')], wires: [[id('failed')]] }),
        node('function', 'failed', { func: 'msg.payload = { error: { ...msg.stripe, message: msg.error.message } }; return msg;', outputs: 1, wires: [[id('out')]] }),
        node('http response', 'out', { statusCode: '200', wires: [] }),
      ];
    });
    const tab = { id: `tab${at}`, type: 'tab', label: url };
    return [tab, { id: `connection${at}`, type: 'stripe-connection', properties: JSON.stringify(rest), credentials }, ...branches];
  });
  await red.deploy(flows);
  return deployed.get(text);
}

/** What is posted, and to which kind of node. */
function posted({ function: name, payload, signature, received_at: receivedAt, ...call }) {
  if (name === 'construct-event') {
    return ['stripe-webhook', payload, { 'stripe-signature': signature, ...(receivedAt && { 'x-received-at': receivedAt }) }];
  }
  return [name === 'request' ? 'stripe-request' : 'stripe-list', JSON.stringify(call), {}];
}

console.log(JSON.stringify({ host: 'Node-RED', version: red.version }));
for await (const line of createInterface({ input: process.stdin })) {
  const { connection, ...call } = JSON.parse(line);
  const [kind, body, headers] = posted(call);
  const url = `${red.origin}${await flowFor(connection)}/${kind}`;
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  console.log(JSON.stringify(await answer.json()));
}
await red.stop();
