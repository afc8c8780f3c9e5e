// Driver of plain Node: the pool of examples/lowdefy, without Lowdefy. See check.py.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { constructEvent, listAll, listPage, request } from '../../examples/lowdefy/src/index.mjs';

const { devDependencies } = createRequire(import.meta.url)('../../examples/lowdefy/package.json');

const FUNCTIONS = {
  request: async ({ connection, resource, method, args }) => (await request(connection, resource, method, args)).body,
  'list-all': ({ connection, resource, method, args, limit }) => listAll(connection, resource, method, args, { limit }),
  'list-page': ({ connection, resource, method, args, cursor }) => listPage(connection, resource, method, args, { cursor }),
  // As a body arrives.
  'construct-event': ({ connection: { webhookSecrets }, payload, signature, received_at: receivedAt }) =>
    constructEvent(Buffer.from(payload), signature, webhookSecrets, { receivedAt }),
};

console.log(JSON.stringify({ host: 'Node', version: `${process.version}, jco ${devDependencies['@bytecodealliance/jco']}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  let answer;
  try {
    answer = { body: await FUNCTIONS[call.function](call) };
  } catch (error) {
    answer = { error: { ...error, message: error.message } };
  }
  console.log(JSON.stringify(answer));
}
