// The current client has no integer field of this kind in any request, so the
// lines that such a field would make are shown by schemas made up here.

import assert from 'node:assert/strict';
import test from 'node:test';
import { coercionLines, hasInt64 } from './coercions.mjs';

const int64 = { kind: 'int64_string' };
const object = (fields) => ({ kind: 'object', fields });

function linesOf(requestSchema) {
  return coercionLines({ name: 'v2.things.create', requestSchema });
}

test('names each integer field by its path', () => {
  const amount = object({ value: { kind: 'nullable', inner: int64 } });
  assert.deepEqual(linesOf(object({ amount, tiers: { kind: 'array', element: amount }, sizes: { kind: 'array', element: int64 } })), [
    'v2.things.create  .amount.value  int64',
    'v2.things.create  .sizes[]  int64',
    'v2.things.create  .tiers[].value  int64',
  ]);
});

test('keeps a union even when no variant holds an integer', () => {
  const variants = { card: object({}), bank: object({ limit: int64 }) };
  const union = { kind: 'discriminatedUnion', discriminator: 'type', variants };
  assert.deepEqual(linesOf(object({ method: union })), [
    'v2.things.create  .method  union type: card bank',
    'v2.things.create  .method<bank>.limit  int64',
  ]);
  const plain = { ...union, variants: { card: object({}) } };
  assert.equal(linesOf(plain).length, 1);
  assert.equal(hasInt64({ name: 'v2.things.create', requestSchema: plain }), false);
});

test('leaves decimals out and knows no other kind', () => {
  assert.deepEqual(linesOf(object({ rate: { kind: 'decimal_string' } })), []);
  assert.deepEqual(linesOf(undefined), []);
  assert.throws(() => linesOf({ kind: 'date' }), /kind date/);
});
