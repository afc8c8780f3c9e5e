// The recordings as text: one case per line, one file per top-level resource.
// ../../recordings/README.md describes the format.

import { readFileSync, readdirSync } from 'node:fs';
import { compare, jsonText, visible } from './text.mjs';

/** The recordings on disk: text by file name. */
export function readRecordings(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort();
  return new Map(names.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

/** The same map as it should be. */
export function recordingFiles(recordings) {
  const files = new Map();
  for (const recording of [...recordings].sort(byCase)) {
    const file = `${recording.id.split(/[.#]/)[0]}.jsonl`;
    files.set(file, `${files.get(file) ?? ''}${recordingLine(recording)}\n`);
  }
  return files;
}

/** Arguments are text and stay as they are: their spelling may be the point. */
export function recordingLine({ id, resource, method, args, ...rest }) {
  const [head, tail] = [jsonText({ id, resource, method }), jsonText(rest)];
  return `${head.slice(0, -1)},"args":${visible(args)}${tail === '{}' ? '' : `,${tail.slice(1)}`}`;
}

/** By method, numbered cases first. */
function byCase(a, b) {
  const [[methodA, caseA], [methodB, caseB]] = [a, b].map(({ id }) => id.split('#'));
  const numbers = [caseA, caseB].map((one) => (/^\d+$/.test(one) ? Number(one) : Infinity));
  return compare(methodA, methodB) || compare(...numbers) || compare(caseA, caseB);
}
