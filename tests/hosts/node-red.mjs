// Driver of Node-RED: the real runtime with the nodes of examples/node-red/ and a
// flow for each connection, which a call enters and leaves by HTTP. See check.py.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const nodes = fileURLToPath(new URL('../../examples/node-red/', import.meta.url));
const require = createRequire(nodes);
const RED = require('node-red');
const express = require('express');

const folder = mkdtempSync(path.join(tmpdir(), 'node-red-'));
const app = express();
const server = createServer(app);
RED.init(server, {
  userDir: folder,
  nodesDir: nodes,
  credentialSecret: 'hosts',
  httpAdminRoot: false,
  httpNodeRoot: '/',
  logging: { console: { level: process.env.NODE_RED_LOG ?? 'off' } },
  telemetry: { enabled: false },
});
app.use('/', RED.httpNode);
await once(server.listen(0, '127.0.0.1'), 'listening');
// It starts its flows, none yet, after it says that it has started.
const ready = once(RED.events, 'flows:started');
await RED.start();
await ready;

/** A tab with one connection: HTTP in, the call, HTTP out; errors by a catch node. */
const deployed = new Map();
async function flowFor(connection) {
  const text = JSON.stringify(connection);
  if (!deployed.has(text)) deployed.set(text, `/call-${deployed.size}`);
  else return deployed.get(text);
  const flows = [...deployed].flatMap(([properties, url], at) => {
    const { secretKey, ...rest } = JSON.parse(properties);
    const [tab, id] = [`tab${at}`, (name) => `${name}${at}`];
    const node = (type, name, more) => ({ id: id(name), type, z: tab, x: 0, y: 0, ...more });
    return [
      { id: tab, type: 'tab', label: url },
      { id: id('connection'), type: 'stripe-connection', properties: JSON.stringify(rest), credentials: { secretKey } },
      node('http in', 'in', { url, method: 'post', wires: [[id('take')]] }),
      node('function', 'take', { func: 'Object.assign(msg, msg.payload); msg.payload = msg.args; return msg;', outputs: 1, wires: [[id('call')]] }),
      node('stripe-request', 'call', { connection: id('connection'), wires: [[id('give')]] }),
      node('function', 'give', { func: 'msg.payload = { body: msg.payload }; return msg;', outputs: 1, wires: [[id('out')]] }),
      node('catch', 'catch', { scope: [id('call')], wires: [[id('failed')]] }),
      node('function', 'failed', { func: 'msg.payload = { error: { ...msg.stripe, message: msg.error.message } }; return msg;', outputs: 1, wires: [[id('out')]] }),
      node('http response', 'out', { statusCode: '200', wires: [] }),
    ];
  });
  const started = once(RED.events, 'flows:started');
  await RED.runtime.flows.setFlows({ flows: { flows }, deploymentType: 'full' });
  await started;
  return deployed.get(text);
}

console.log(JSON.stringify({ host: 'Node-RED', version: RED.version() }));
for await (const line of createInterface({ input: process.stdin })) {
  const { connection, ...call } = JSON.parse(line);
  const url = `http://127.0.0.1:${server.address().port}${await flowFor(connection)}`;
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(call) });
  console.log(JSON.stringify(await answer.json()));
}
await RED.stop();
server.close().closeAllConnections();
rmSync(folder, { recursive: true, force: true });
