// Compares the plugin with the official client, live:
//
//   node parity.mjs [SEED]    cases of that seed; of a fresh one, when none is given
//
// Needs the recorder beside it to be installed.

import { readFileSync } from 'node:fs';
import { SECRET_KEY } from '../recorder/call.mjs';
import { record } from '../recorder/recording.mjs';
import { deviations, expectation } from './compare.mjs';
import { plan } from './harness.mjs';

/** So many deviating cases are shown. */
const SHOWN = 20;

const differences = JSON.parse(readFileSync(new URL('../../recordings/differences.json', import.meta.url), 'utf8'));

/** Cases with the same connection go through one run of the harness. */
function byConnection(recordings) {
  const groups = new Map();
  for (const recording of recordings) {
    const key = JSON.stringify(recording.connection ?? {});
    groups.set(key, [...(groups.get(key) ?? []), recording]);
  }
  return [...groups].map(([key, group]) => [JSON.parse(key), group]);
}

async function findDeviations(recordings) {
  const found = [];
  for (const [connection, group] of byConnection(recordings)) {
    const answers = await plan(group, connection, SECRET_KEY);
    group.forEach((recording, at) => {
      const lines = deviations(expectation(recording, differences), answers[at]);
      if (lines.length > 0) found.push({ recording, lines });
    });
  }
  return found;
}

const seed = process.argv[2] ?? String(Date.now());
console.log(`seed ${seed}`);
const recordings = await record(seed);
const found = await findDeviations(recordings);
for (const { recording: { id, args }, lines } of found.slice(0, SHOWN)) {
  console.log([`${id}  ${args.slice(0, 300)}`, ...lines.map((line) => `  ${line}`)].join('\n'));
}
if (found.length > SHOWN) console.log(`and ${found.length - SHOWN} more`);

const methods = new Set(recordings.filter(({ resource }) => resource !== '').map(({ id }) => id.split('#')[0])).size;
const named = recordings.filter(({ difference }) => difference).length;
console.log(`${recordings.length} cases of ${methods} methods: ${found.length} deviate, ${named} differ as named in differences.json.`);
if (found.length > 0) process.exitCode = 1;
