// Runs flows and counts their checks. A flow keeps one promise of `promises.txt`,
// which is the list for every language; what it checks, it checks with the words
// exported here, so that the summary counts it.

import { deepStrictEqual, fail } from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const promises = readFileSync(new URL('promises.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(Boolean);
const flows = new Map();
let passed = 0;

/** Says how a promise is kept. */
export function flow(promise, keep) {
  if (!promises.includes(promise)) throw new Error(`promises.txt does not have: ${promise}`);
  flows.set(promise, keep);
}

/** Both are the same. */
export function same(actual, expected) {
  deepStrictEqual(actual, expected);
  passed += 1;
}

/** Every field of `expected` is so in `actual`, which may have more. */
export function has(actual, expected) {
  for (const [name, value] of Object.entries(expected)) {
    deepStrictEqual({ [name]: actual?.[name] }, { [name]: value });
    passed += 1;
  }
}

export function matches(text, pattern) {
  if (!pattern.test(text)) fail(`${JSON.stringify(text)} does not match ${pattern}`);
  passed += 1;
}

/** The call fails, as this class of the client's, with these fields. */
export async function refused(call, Class, expected = {}) {
  const error = await call.then(
    () => fail(`no ${Class.name} but an answer`),
    (error) => error,
  );
  if (error.constructor !== Class) fail(`no ${Class.name} but ${error.constructor.name}: ${error.message}`);
  passed += 1;
  has(error, expected);
  return error;
}

/** Keeps every promise in the order of the list. */
export async function keepAll(client, context) {
  let failed = 0;
  for (const promise of promises) {
    try {
      const keep = flows.get(promise) ?? fail('there is no such flow');
      await keep(context);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${promise}\n  ${(error.stack ?? String(error)).split('\n').slice(0, 14).join('\n  ')}`);
    }
  }
  const summary = `${client}: ${promises.length} flows, ${passed} checks passed`;
  console.log(failed ? `${summary}, ${failed} flows FAILED` : summary);
  return failed === 0;
}
