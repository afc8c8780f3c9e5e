// The real Node-RED with the nodes of examples/node-red/, on a free port and in a folder
// of its own, which goes when it stops.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const nodes = fileURLToPath(new URL('../../examples/node-red/', import.meta.url));
const require = createRequire(nodes);
const RED = require('node-red');
const express = require('express');

/** @param {object} settings Node-RED's, besides those that are the same for all */
export async function nodeRed(settings) {
  const folder = mkdtempSync(path.join(tmpdir(), 'node-red-'));
  const app = express();
  const server = createServer(app);
  RED.init(server, {
    userDir: folder,
    nodesDir: nodes,
    credentialSecret: 'hosts',
    httpAdminRoot: false,
    httpNodeRoot: '/',
    logging: { console: { level: process.env.NODE_RED_LOG ?? 'off' } },
    telemetry: { enabled: false },
    ...settings,
  });
  app.use('/', RED.httpNode);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  // It starts its flows, none yet, after it says that it has started.
  const ready = once(RED.events, 'flows:started');
  await RED.start();
  await ready;
  return {
    version: RED.version(),
    origin: `http://127.0.0.1:${server.address().port}`,
    /** @param {'full' | 'nodes'} deploymentType all nodes start anew, or those that changed */
    async deploy(flows, deploymentType = 'full') {
      const started = once(RED.events, 'flows:started');
      await RED.runtime.flows.setFlows({ flows: { flows }, deploymentType });
      await started;
    },
    async stop() {
      await RED.stop();
      server.close().closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
