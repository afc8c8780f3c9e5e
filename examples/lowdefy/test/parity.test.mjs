// The cases that Lowdefy's own connector was recorded with, through Lowdefy's API
// and this package. What is compared, and why some cases differ, is in
// ../../../tests/lowdefy/README.md.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Stripe } from 'lowdefy-stripe-wasm/connections';
import { callThroughLowdefy } from './app.mjs';
import { json, serve } from './server.mjs';

const read = (name) =>
  readFileSync(new URL(`../../../tests/lowdefy/${name}`, import.meta.url), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const recorded = new Map(read('recorded.jsonl').map((line) => [line.id, line]));

const USUAL_ANSWER = { body: { id: 'obj_1', object: 'thing', livemode: false } };
let server, arrived, answers;

before(async () => {
  server = await serve((request, response) => {
    arrived.push(request);
    const { reset, delay = 0, status, headers, body = '' } = answers.length > 1 ? answers.shift() : answers[0];
    if (reset) response.destroy();
    else setTimeout(() => json(response, body, status, headers), delay);
  });
});
after(() => server.stop());

/** As Stripe reads it: a bracket means the same in either form. */
const target = (url) => url.replace(/^https?:\/\/[^/]*/, '').replaceAll('%5B', '[').replaceAll('%5D', ']');

for (const aCase of read('cases.jsonl')) {
  test(aCase.id, async () => {
    const { requests, response, error } = { ...recorded.get(aCase.id), ...aCase.plugin };
    arrived = [];
    answers = [...(aCase.answers ?? [USUAL_ANSWER])];
    const isObject = aCase.connection?.constructor === Object;
    const outcome = await callThroughLowdefy({
      connections: { Stripe },
      connection: isObject ? { ...aCase.connection, baseUrl: server.origin } : aCase.connection,
      request: aCase.request,
      secrets: aCase.secrets,
    });
    // `error` replaces `response`, and the other way round.
    if (aCase.plugin ? 'error' in aCase.plugin : error) {
      assert.ok('error' in outcome, `succeeded: ${JSON.stringify(outcome.response)}`);
      const parts = error.message?.split('; ') ?? [''];
      assert.ok(parts.some((part) => outcome.error.message.startsWith(part)), `${outcome.error.message} instead of ${error.message}`);
    } else if (!aCase.plugin || 'response' in aCase.plugin) {
      // An address that the call makes itself is where the connection goes.
      const isAddress = typeof outcome.response === 'string';
      const address = isAddress && outcome.response.replace(server.origin, 'https://connect.stripe.com');
      assert.deepEqual(isAddress ? { response: address } : outcome, { response });
    }
    const sent = requests.map(({ method, url }) => `${method} ${target(url ?? '')}`);
    if (requests.every(({ method, url }) => method && url)) {
      assert.deepEqual(arrived.map(({ method, url }) => `${method} ${target(url)}`), sent);
    } else assert.equal(arrived.length > 0, sent.length > 0);
  });
}
