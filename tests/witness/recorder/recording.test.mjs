// What the recordings promise: every method is there, every difference has a
// name and a reason, and the expectations written by hand do differ.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { CLIENT_API_VERSION } from './call.mjs';
import { readOperations } from './catalogue.mjs';
import { SEED, record } from './recording.mjs';
import { specialCases } from './special/index.mjs';

const differences = JSON.parse(readFileSync(new URL('../../recordings/differences.json', import.meta.url), 'utf8'));
const recordings = await record(SEED);

test('every method has its cases, and each case its own name', () => {
  const methods = new Set(recordings.map(({ id }) => id.split('#')[0]));
  assert.equal(readOperations().length, 673);
  for (const { name } of readOperations()) assert.ok(methods.has(name), name);
  assert.equal(new Set(recordings.map(({ id }) => id)).size, recordings.length);
});

test('the client accepts all that is generated', () => {
  const refused = recordings.filter(({ id, error }) => error !== undefined && /#\d+$/.test(id));
  assert.deepEqual(refused.map(({ id, error }) => [id, error]), []);
});

test('every difference is named, and every name is used', () => {
  const used = new Set(specialCases.flatMap(({ difference }) => difference ?? []));
  assert.deepEqual([...used].sort(), Object.keys(differences.cases).sort());
});

test('the rule about versions speaks of the version the client asks for', () => {
  assert.equal(differences.rules[0].drop.value, CLIENT_API_VERSION);
});

test('what the plugin is expected to do otherwise is something else', () => {
  for (const { id, request, local, error, plugin } of recordings) {
    if (!plugin) continue;
    if (plugin.refused) {
      assert.equal(error, undefined, `${id}: the client refuses it too`);
    } else {
      const same = Object.entries(plugin.request).filter(([part, value]) => part !== 'headers' && request?.[part] === value);
      assert.deepEqual(same, [], id);
      assert.equal(local, undefined, id);
    }
  }
});

test('the same seed makes the same recordings, another seed makes others', async () => {
  assert.deepEqual(await record(SEED), recordings);
  const others = new Map((await record('another')).map((one) => [one.id, one.args]));
  const generated = recordings.filter(({ id }) => /#[2-6]$/.test(id));
  const same = generated.filter(({ id, args }) => others.get(id) === args);
  assert.ok(same.length < generated.length / 5, `${same.length} of ${generated.length} are the same`);
});
