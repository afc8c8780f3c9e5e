// Writes the catalogue's data files from the official client:
//
//   node generate.mjs           writes them
//   node generate.mjs --check   writes nothing; fails when they are not what
//                               would be written
//
// See ../README.md.

import { isDeepStrictEqual } from 'node:util';
import { coercionsText } from './coercions-text.mjs';
import { declarationOf } from './declarations.mjs';
import { readFiles, differences, writeFiles } from './files.mjs';
import { legacyOperations } from './legacy.mjs';
import { findOperations } from './operations.mjs';
import { operationsText } from './operations-text.mjs';
import { buildModel } from './parameters.mjs';
import { parseParameters } from './parameters-read.mjs';
import { parameterFiles } from './parameters-text.mjs';
import { compare } from './text.mjs';

const FOLDER = new URL('../', import.meta.url);
const PARAMETERS = 'parameters/';

function generate() {
  const current = findOperations().map((operation) => ({ ...operation, ...declarationOf(operation) }));
  const operations = [...current, ...legacyOperations].sort((a, b) => compare(a.name, b.name));
  const model = buildModel(operations);
  const parameters = parameterFiles(model);
  // What the text cannot say would be lost without a trace, so it is read back.
  if (!sameModel(parseParameters(parameters), model)) {
    throw new Error('the parameter files do not say all that the model does');
  }
  return new Map([
    ['operations.txt', operationsText(operations)],
    ['coercions.txt', coercionsText(operations)],
    ...[...parameters].map(([name, text]) => [PARAMETERS + name, text]),
  ]);
}

/** Equal up to the order of entries, which carries no meaning. */
function sameModel(one, other) {
  const plain = (model) => Object.entries(model).map(([part, map]) => [part, Object.fromEntries(map)]);
  return isDeepStrictEqual(plain(one), plain(other));
}

const wanted = generate();
const present = readFiles(FOLDER, ['operations.txt', 'coercions.txt'], PARAMETERS);
const report = differences(present, wanted);

if (!process.argv.includes('--check')) {
  writeFiles(FOLDER, present, wanted);
  console.log(report.length ? report.join('\n') : 'Nothing changed.');
} else if (report.length) {
  console.error(`${report.join('\n')}\n\nThe catalogue is not what the generator makes. Run: node generate.mjs`);
  process.exitCode = 1;
} else {
  console.log(`The ${wanted.size} files of the catalogue are what the generator makes.`);
}
