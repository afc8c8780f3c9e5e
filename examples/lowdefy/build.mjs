// Makes `component/` from stripe.wasm: the component as JavaScript, and the schema
// of its connections.
//
//   node build.mjs [STRIPE.WASM]   else the variable STRIPE_WASM, else what
//                                  this repository's build of it left

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpile } from '@bytecodealliance/jco';

const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.join(here, '../../target/wasm32-wasip2/component/stripe.wasm');
const wasm = process.argv[2] ?? process.env.STRIPE_WASM ?? built;
const folder = path.join(here, 'component');

let bytes;
try {
  bytes = readFileSync(wasm);
} catch (error) {
  console.error(`${wasm} cannot be read (${error.code}). Build it first, or name it: node build.mjs STRIPE.WASM`);
  process.exit(2);
}
// A package carries its licence; this one's is that of the whole.
const licence = path.join(here, '../../LICENSE');
if (existsSync(licence)) copyFileSync(licence, path.join(here, 'LICENSE'));
else console.error(`${licence} is not there: the package is made without it. Put the licence beside build.mjs before you give the package away.`);
rmSync(folder, { recursive: true, force: true });
const map = {
  'wasi:cli/*': '../src/wasi/system.mjs#*',
  'wasi:clocks/*': '../src/wasi/system.mjs#*',
  'wasi:http/*': '../src/wasi/http.mjs#*',
  'wasi:io/*': '../src/wasi/io.mjs#*',
  'wasi:random/*': '../src/wasi/system.mjs#*',
};
const { files } = await transpile(bytes, { name: 'stripe', outDir: folder, map, wasiShim: false });
for (const [name, content] of Object.entries(files)) {
  const file = path.resolve(folder, path.relative(folder, path.resolve(name)));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

const { catalogue } = await import('./component/stripe.js');
writeFileSync(path.join(folder, 'connection-schema.json'), catalogue.connectionSchema());
