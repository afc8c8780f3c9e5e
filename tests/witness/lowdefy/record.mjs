// Records what Lowdefy's own Stripe connector sends and returns:
//
//   node record.mjs           writes ../../lowdefy/recorded.jsonl
//   node record.mjs --check   writes nothing; fails when that is not what would be
//                             written
//
// See ../../lowdefy/README.md.

import { existsSync, readFileSync } from 'node:fs';
import { differences, writeFiles } from '../../../plugin/catalogue/generate/files.mjs';
import { recordedRequest } from '../recorder/request.mjs';
import { jsonText } from '../recorder/text.mjs';
import { callConnector } from './connector.mjs';
import { redirectTo } from './redirect.mjs';
import { ScriptedServer } from './server.mjs';

const FOLDER = new URL('../../lowdefy/', import.meta.url);
const NAME = 'recorded.jsonl';

/** Headers of the connection between two machines. */
const OF_THE_CONNECTION = ['connection', 'host'];

async function record(cases) {
  const server = new ScriptedServer();
  redirectTo(await server.start());
  process.removeAllListeners('warning'); // the client's, about arguments it does not like
  const lines = [];
  for (const aCase of cases) {
    server.script(aCase.answers);
    const outcome = await callConnector(aCase);
    lines.push(jsonText({ id: aCase.id, requests: server.arrived.map(asSent), ...outcome }));
  }
  server.stop();
  return `${lines.join('\n')}\n`;
}

/** As if it had gone to Stripe. */
function asSent({ headers, ...request }) {
  const own = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name));
  return recordedRequest({ ...request, protocol: 'https', host: headers.host, port: 443, headers: Object.fromEntries(own) });
}

const cases = readFileSync(new URL('cases.jsonl', FOLDER), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const wanted = new Map([[NAME, await record(cases)]]);
const present = new Map(existsSync(new URL(NAME, FOLDER)) ? [[NAME, readFileSync(new URL(NAME, FOLDER), 'utf8')]] : []);
const report = differences(present, wanted);

if (!process.argv.includes('--check')) {
  writeFiles(FOLDER, present, wanted);
  console.log(report.length ? report.join('\n') : 'Nothing changed.');
} else if (report.length) {
  console.error(`${report.join('\n')}\n\nThe recordings are not what Lowdefy does. Run: node record.mjs`);
  process.exitCode = 1;
} else {
  console.log(`All ${cases.length} recordings are what Lowdefy does.`);
}
