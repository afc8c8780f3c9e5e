// Driver of Lowdefy: each call is a request of an app, through Lowdefy's own API,
// which looks the configuration up, evaluates operators, validates against the
// package's schemas and calls the package. See check.py.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { callThroughLowdefy } from '../../examples/lowdefy/test/app.mjs';
import * as connections from '../../examples/lowdefy/src/connections.mjs';

const { devDependencies } = createRequire(import.meta.url)('../../examples/lowdefy/package.json');

// Lowdefy passes a message on, and no other member of an error. Its connection has a
// key, also where nothing is sent.
const lacks = ['case', 'type', 'code', 'webhooks without a key'];

/** A call as a request of an app. */
const nested = (path, args) => path.reduceRight((inner, name) => ({ [name]: inner }), args);
const REQUESTS = {
  request: ({ resource, method, args }) => ({ request: nested([...resource.split('.').filter(Boolean), method], args) }),
  'list-all': ({ resource, method, args, limit }) => ({ type: 'StripeListAll', request: { resource, method, args, limit } }),
  'list-page': ({ resource, method, args, cursor }) => ({ type: 'StripeListPage', request: { resource, method, args, cursor } }),
  'construct-event': ({ payload, signature, received_at: receivedAt }) =>
    ({ request: nested(['webhooks', 'constructEvent'], [payload, signature, null, null, receivedAt]) }),
};

console.log(JSON.stringify({ host: 'Lowdefy', version: `@lowdefy/api ${devDependencies['@lowdefy/api']}`, lacks }));
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  const { secretKey, ...properties } = call.connection;
  const outcome = await callThroughLowdefy({
    connections,
    // A key is a secret in an app, and comes in by its operator.
    connection: secretKey === undefined ? properties : { ...properties, secretKey: { _secret: 'STRIPE_SECRET_KEY' } },
    secrets: { STRIPE_SECRET_KEY: secretKey },
    ...REQUESTS[call.function](call),
  });
  console.log(JSON.stringify('response' in outcome ? { body: outcome.response } : outcome));
}
