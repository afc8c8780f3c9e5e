// Driver of plain Node: the pool of examples/lowdefy, without Lowdefy. See check.py.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { request } from '../../examples/lowdefy/src/index.mjs';

const { devDependencies } = createRequire(import.meta.url)('../../examples/lowdefy/package.json');

console.log(JSON.stringify({ host: 'Node', version: `${process.version}, jco ${devDependencies['@bytecodealliance/jco']}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const { connection, resource, method, args } = JSON.parse(line);
  let answer;
  try {
    answer = { body: (await request(connection, resource, method, args)).body };
  } catch (error) {
    answer = { error: { ...error, message: error.message } };
  }
  console.log(JSON.stringify(answer));
}
