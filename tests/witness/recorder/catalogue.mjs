// The plugin's own catalogue as this recorder needs it: which methods there are,
// and what params each takes. The test beside this module compares the list of
// methods with the client's, so that none is left unrecorded.

import { readFileSync, readdirSync } from 'node:fs';
import { parseParameters } from '../../../plugin/catalogue/generate/parameters-read.mjs';

const FOLDER = new URL('../../../plugin/catalogue/', import.meta.url);

/** Every method that this release of the client has. */
export function readOperations() {
  return readFileSync(new URL('operations.txt', FOLDER), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(readOperation)
    .filter(({ flags }) => !flags.has('legacy'));
}

function readOperation(line) {
  const [name, verb, path, ...flags] = line.split(/ +/);
  const dot = name.lastIndexOf('.');
  return {
    name,
    resource: name.slice(0, dot),
    method: name.slice(dot + 1),
    verb,
    path,
    ids: [...path.matchAll(/\{(\w+)\}/g)].map(([, id]) => id),
    flags: new Set(flags.map((flag) => flag.split('=')[0])),
  };
}

/** Params by method, and the shapes and enums they refer to. */
export function readParameters() {
  const folder = new URL('parameters/', FOLDER);
  const files = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);
  return parseParameters(new Map(files));
}
