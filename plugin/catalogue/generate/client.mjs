// The official client as this generator sees it: the installed npm package, its
// versions, and where its code and type declarations lie. Everything else in
// this folder takes its facts from here, so an upgrade is one number in
// package.json.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Stripe from 'stripe';

const entry = fileURLToPath(import.meta.resolve('stripe'));
const esm = dirname(entry);

/** The versions that the data files' headers name. */
export const release = {
  client: JSON.parse(readFileSync(join(esm, '..', 'package.json'), 'utf8')).version,
  api: Stripe.API_VERSION,
};

/** Host name by base name: `api`, `files`, `connect`, … */
export const { DEFAULT_BASE_ADDRESSES: hosts } = await import(pathToFileURL(join(esm, 'Types.js')).href);

/** The declaration file that belongs to the code imported above. */
export const declarationFile = entry.replace(/\.js$/, '.d.ts');

export { Stripe };

/** Stops the generator when the client is not built the way it relies on. */
export function assert(condition, message) {
  if (!condition) throw new Error(`unexpected client: ${message}`);
}
