// Makes the recordings of a seed: every generated case and every case written by
// hand, with what the client does.

import { call } from './call.mjs';
import { generatedCases } from './cases.mjs';
import { readOperations, readParameters } from './catalogue.mjs';
import { specialCases } from './special/index.mjs';

/** The committed recordings are those of this seed. */
export const SEED = '1';

/** @returns {Promise<Array<object>>} members as in ../../recordings/README.md, args as JSON text */
export async function record(seed) {
  const cases = [...generatedCases(readOperations(), readParameters(), seed), ...specialCases];
  const recordings = [];
  for (const { difference, plugin, ...one } of cases) {
    recordings.push({ ...one, ...(await call(one)), difference, plugin });
  }
  return recordings;
}
