// The recording transport is a stand-in. This shows that it tells the truth: the
// same calls, made with the client's own transport over real HTTP, arrive at a
// server as the recordings say.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import Stripe from 'stripe';
import { newClient, outcomeOf } from './call.mjs';
import { SEED, record } from './recording.mjs';
import { recordedRequest } from './request.mjs';

/** Headers of the connection between two machines, not of the call. */
const OF_THE_CONNECTION = ['connection', 'host'];

async function listen() {
  const arrived = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      const { method, url: path, headers } = request;
      arrived.push({ method, path, headers, body: Buffer.concat(parts) });
      response.end('{}');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, arrived, address: { host: '127.0.0.1', port: server.address().port, protocol: 'http' } };
}

test('what is recorded is what arrives', async (t) => {
  const { server, arrived, address } = await listen();
  t.after(() => server.close().closeAllConnections());
  const httpClient = Stripe.createNodeHttpClient(); // one for all, so that connections are kept
  for (const recording of await record(SEED)) {
    const { id, request, error, connection } = recording;
    const outcome = await outcomeOf(newClient(connection, { ...address, httpClient }), recording);
    const sent = arrived.splice(0);
    assert.equal(sent.length, request ? 1 : 0, id);
    if (error) assert.equal(outcome.error, error, id);
    if (request) assert.deepEqual(received(sent[0]), expected(request), id);
  }
});

/** Node writes headers in one piece with a body of text, in UTF-8, and reads them as Latin-1. */
function received({ headers, ...request }) {
  const own = Object.entries(headers)
    .filter(([name]) => !OF_THE_CONNECTION.includes(name))
    .map(([name, value]) => [name, Buffer.from(value, 'latin1').toString()]);
  const { url, ...rest } = recordedRequest({ protocol: 'http', host: '', port: 80, ...request, headers: Object.fromEntries(own) });
  return { path: url.replace(/^http:\/\//, ''), ...rest };
}

/** As recorded, without the host, and without spaces that HTTP does not count as a value's. */
function expected({ url, headers, ...rest }) {
  const own = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name));
  return {
    path: url.replace(/^https:\/\/[^/]+/, ''),
    ...rest,
    headers: Object.fromEntries(own.map(([name, value]) => [name, value.trim()])),
  };
}
