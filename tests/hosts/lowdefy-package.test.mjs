// What the package of examples/lowdefy/ is when it is made, and where it is made from.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../examples/lowdefy/', import.meta.url));

test('a tool can read the package\'s own description, and the schema of its connections', () => {
  // By its own name, as an app that has it installed.
  const require = createRequire(path.join(PACKAGE, 'build.mjs'));
  assert.equal(require('lowdefy-stripe-wasm/package.json').name, 'lowdefy-stripe-wasm');
  assert.ok(require('lowdefy-stripe-wasm/component/connection-schema.json').properties.secretKey);
});

test('it can be made where there is nothing but the examples', (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lowdefy-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const copy = path.join(folder, 'examples/lowdefy');
  const isTaken = (file) => !/(node_modules|component|LICENSE)$/.test(file);
  cpSync(PACKAGE, copy, { recursive: true, filter: isTaken });
  symlinkSync(path.join(PACKAGE, 'node_modules'), path.join(copy, 'node_modules'));
  const { status, stderr } = spawnSync(process.execPath, ['build.mjs', process.env.STRIPE_WASM], { cwd: copy, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /LICENSE is not there/);
  assert.ok(existsSync(path.join(copy, 'component/connection-schema.json')));
});
