// Driver of Restate: each call is an invocation, which Restate gives to the service of
// examples/restate/ and whose answer it keeps. See check.py.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { serve, stripeService } from '../../examples/restate/service.mjs';
import { freePorts, restateServer } from './restate-server.mjs';

const { devDependencies } = createRequire(import.meta.url)('../../examples/restate/package.json');

/** So few repetitions that a call whose network is down ends. */
const RETRIES = { maxRetryAttempts: 2, initialRetryInterval: { milliseconds: 100 } };
const HANDLERS = { request: 'request', 'list-all': 'listAll', 'list-page': 'listPage', 'construct-event': 'constructEvent' };

/** Standard output is the driver's. */
const logger = process.env.RESTATE_LOG ? (_, ...words) => console.error(...words) : () => {};

const server = await restateServer();
/** A service for each connection: its properties are no parameters. */
const services = new Map();
async function serviceFor(connection) {
  const text = JSON.stringify(connection);
  if (services.has(text)) return services.get(text);
  const name = `stripe${services.size}`;
  const [port] = await freePorts(1);
  await serve([stripeService(name, connection, RETRIES)], port, { logger });
  await server.register(port);
  services.set(text, name);
  return name;
}

// A caller gets the message, and what was transient is terminal by then.
const lacks = ['case', 'type', 'code'];
console.log(JSON.stringify({ host: 'Restate', version: devDependencies['@restatedev/restate-server'], lacks }));
for await (const line of createInterface({ input: process.stdin })) {
  const { connection, function: name, received_at: receivedAt, ...call } = JSON.parse(line);
  const { status, body } = await server.call(await serviceFor(connection), HANDLERS[name], { ...call, receivedAt });
  console.log(JSON.stringify(status < 300 ? { body } : { error: body }));
}
server.stop();
process.exit(); // the services listen until then
