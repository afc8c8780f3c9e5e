// A Restate server on free ports, with a folder of its own that goes when it stops.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../examples/restate/node_modules/.bin/restate-server', import.meta.url));
const PATIENCE = 120_000;

/** Ports that nobody listened on a moment ago. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) await once(server.close(), 'close');
  return ports;
}

/** Tries until it works, for as long as a slow machine may take. */
async function eventually(what, attempt) {
  for (const until = Date.now() + PATIENCE; ; await pause(200)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw new Error(`${what} did not work within ${PATIENCE / 1000} s`, { cause: error });
    }
  }
}

async function posted(url, body, headers = {}) {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

export async function restateServer() {
  const folder = mkdtempSync(path.join(tmpdir(), 'restate-'));
  const [node, ingress, admin] = await freePorts(3);
  const server = spawn(PROGRAM, ['--no-logo', '--listen-mode', 'tcp', '--bind-ip', '127.0.0.1', '--bind-port', node], {
    cwd: folder,
    // A group of its own: npm's program starts the server as a child of its own.
    detached: true,
    stdio: ['ignore', 'ignore', process.env.RESTATE_LOG ? 'inherit' : 'ignore'],
    env: {
      PATH: process.env.PATH,
      RESTATE_BASE_DIR: folder,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE: '256 MiB',
      RESTATE_DEFAULT_NUM_PARTITIONS: '4',
      // So that what is kept can be searched.
      RESTATE_WORKER__STORAGE__ROCKSDB_DISABLE_WAL_COMPRESSION: 'true',
      RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_COMPRESSION: 'true',
    },
  });
  const end = () => {
    try {
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  process.once('exit', end);
  // These end a program without that event.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  return {
    folder,
    /** Makes the services at a port known. */
    register: (port) => eventually('registering the service', async () => {
      const { status, body } = await posted(`http://127.0.0.1:${admin}/deployments`, { uri: `http://127.0.0.1:${port}`, force: true });
      if (status >= 300) throw new Error(body.message);
    }),
    /** Invokes a handler and waits for its answer. */
    call: (service, handler, input, headers) => posted(`http://127.0.0.1:${ingress}/${service}/${handler}`, input, headers),
    stop() {
      process.off('exit', end);
      end();
    },
  };
}
