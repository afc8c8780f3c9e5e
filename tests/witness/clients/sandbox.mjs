// Starts and stops `stripe-harness sandbox` on a free loopback port. Owns the
// process and its own paths under /_sandbox/; knows nothing of any client.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

/** Where time stands still: 2026-01-15T12:00:00Z. */
export const NOW = 1_768_478_400;

export const KEY = 'sk_test_witness0000004242';

/** The harness that STRIPE_HARNESS names, or the one cargo builds. */
const [COMMAND, ...FIRST] = process.env.STRIPE_HARNESS
  ? [process.env.STRIPE_HARNESS]
  : ['cargo', 'run', '--release', '-q', '-p', 'stripe-harness', '--'];

export class Sandbox {
  /** @param flags more of the command's own, such as `--rate-limit 5` */
  static async start(...flags) {
    const given = flags.includes('--port') ? [] : ['--port', '0'];
    const args = [...FIRST, 'sandbox', ...given, '--seed', '7', '--clock', String(NOW), ...flags];
    const process = spawn(COMMAND, args, { cwd: CHECKOUT, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise((resolve, reject) => process.on('exit', resolve).on('error', reject));
    const [url] = await Promise.race([
      new Promise((resolve) => createInterface({ input: process.stdout }).once('line', (line) => resolve([line]))),
      ended.then((code) => {
        throw new Error(`the sandbox ended with ${code}`);
      }),
    ]);
    return new Sandbox(process, ended, new URL(url));
  }

  constructor(process, ended, url) {
    Object.assign(this, { process, ended, url });
  }

  /** One of the sandbox's own paths: time passes, a cardholder acts. */
  async act(path, params = {}) {
    const answer = await fetch(new URL(`/_sandbox/${path}`, this.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}` },
      body: new URLSearchParams(params),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${body.error.message}`);
    return body;
  }

  /** Without a goodbye, as a power cut would. */
  async stop() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
