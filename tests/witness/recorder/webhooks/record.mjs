// Records what the official client makes of webhook deliveries:
//
//   node webhooks/record.mjs            writes ../../webhooks/signatures.jsonl
//   node webhooks/record.mjs --check    writes nothing; fails when it is not what
//                                       would be written

import { readFileSync, writeFileSync } from 'node:fs';
import { jsonText } from '../text.mjs';
import { madeUp, withOutcome, written } from './cases.mjs';

const FILE = new URL('../../../webhooks/signatures.jsonl', import.meta.url);

const cases = [...written(), ...madeUp('corpus', 60)];
const wanted = cases.map((made) => `${jsonText(withOutcome(made))}\n`).join('');

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, wanted);
} else if (readFileSync(FILE, 'utf8') !== wanted) {
  console.error('tests/webhooks/signatures.jsonl is not what the client says. Run: node webhooks/record.mjs');
  process.exitCode = 1;
} else {
  console.log(`All ${cases.length} deliveries are as the client has them.`);
}
