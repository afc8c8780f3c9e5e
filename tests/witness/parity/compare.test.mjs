// A comparison that finds nothing must be able to find something.

import assert from 'node:assert/strict';
import test from 'node:test';
import { deviations, expectation } from './compare.mjs';

const differences = { rules: [{ name: 'r', reason: '', api: 'v1', drop: { header: 'stripe-version', value: '2026' } }], cases: {} };
const headers = { 'content-length': '1', 'idempotency-key': '<generated>' };
const request = { method: 'POST', url: 'https://api.stripe.com/v1/x', headers: { ...headers, 'stripe-version': '2026' }, body: 'a' };
const right = { request: { ...request, headers: { ...headers, 'idempotency-key': 'k', 'user-agent': 'u' } } };
const refused = { error: { case: 'permanent', message: 'm', may_have_been_sent: false } };

const found = (recording, answer) => deviations(expectation(recording, differences), answer);
const like = (part) => ({ request: { ...right.request, ...part } });

test('what is the same passes', () => {
  assert.deepEqual(found({ request }, right), []);
  assert.deepEqual(found({ error: 'no' }, refused), []);
  assert.deepEqual(found({ local: 'https://x' }, { local: 'https://x' }), []);
});

test('every part of a request counts', () => {
  const without = (name) => like({ headers: Object.fromEntries(Object.entries(right.request.headers).filter(([one]) => one !== name)) });
  const withOne = (name, value) => like({ headers: { ...right.request.headers, [name]: value } });
  for (const answer of [
    like({ method: 'GET' }), like({ url: 'https://api.stripe.com/v1/x?' }), like({ body: 'b' }), like({ body: null }),
    without('content-length'), without('idempotency-key'), withOne('idempotency-key', ''), withOne('stripe-version', '2026'),
    withOne('content-length', '2'), withOne('x-more', 'm'), refused, { local: 'https://x' },
  ]) assert.notDeepEqual(found({ request }, answer), [], JSON.stringify(answer));
});

test('a rule holds for its API and its value only', () => {
  const v2 = { ...request, url: 'https://api.stripe.com/v2/x' };
  assert.notDeepEqual(found({ request: v2 }, like({ url: v2.url })), []);
  const asked = { ...request, headers: { ...request.headers, 'stripe-version': '2020' } };
  assert.notDeepEqual(found({ request: asked }, right), []);
});

test('a refusal must be one, and final', () => {
  for (const answer of [right, { error: { ...refused.error, case: 'transient' } }, { error: { ...refused.error, may_have_been_sent: true } }]) {
    assert.notDeepEqual(found({ error: 'no' }, answer), []);
    assert.notDeepEqual(found({ request, difference: 'd', plugin: { refused: true } }, answer), []);
  }
});

test('what the plugin does otherwise is put over the recording', () => {
  const recording = { request, difference: 'd', plugin: { request: { body: 'b', headers: { 'content-length': '2', 'idempotency-key': null } } } };
  assert.deepEqual(found(recording, like({ body: 'b', headers: { 'content-length': '2' } })), []);
  assert.notDeepEqual(found(recording, right), []);
});

test('boundaries may differ, bodies and lengths may not', () => {
  const form = (boundary, length) => ({
    ...request, body: `--${boundary}\r\n`, headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': length },
  });
  const recording = { request: form('<boundary>', '14') };
  assert.deepEqual(found(recording, { request: form('abc', '7') }), []);
  assert.notDeepEqual(found(recording, { request: form('abc', '14') }), []);
});
