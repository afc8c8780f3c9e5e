// Records what the official client puts on the wire:
//
//   node record.mjs                       writes ../../recordings/*.jsonl
//   node record.mjs --check               writes nothing; fails when they are not
//                                         what would be written
//   node record.mjs --seed N [--out FILE] other cases, all into one file, or printed
//
// See ../../recordings/README.md.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { differences, writeFiles } from '../../../plugin/catalogue/generate/files.mjs';
import { SEED, record } from './recording.mjs';
import { readRecordings, recordingFiles } from './recording-text.mjs';

const FOLDER = new URL('../../recordings/', import.meta.url);

const { values: given } = parseArgs({
  options: { check: { type: 'boolean' }, seed: { type: 'string' }, out: { type: 'string' } },
});

if (given.seed !== undefined) {
  const text = [...recordingFiles(await record(given.seed)).values()].join('');
  if (given.out === undefined) process.stdout.write(text);
  else writeFileSync(given.out, text);
} else {
  const wanted = recordingFiles(await record(SEED));
  const present = readRecordings(FOLDER);
  const report = differences(present, wanted);
  if (!given.check) {
    writeFiles(FOLDER, present, wanted);
    console.log(report.length ? report.join('\n') : 'Nothing changed.');
  } else if (report.length) {
    console.error(`${report.join('\n')}\n\nThe recordings are not what the client sends. Run: node record.mjs`);
    process.exitCode = 1;
  } else {
    const count = [...wanted.values()].join('').split('\n').length - 1;
    console.log(`All ${count} recordings are what the client sends.`);
  }
}
