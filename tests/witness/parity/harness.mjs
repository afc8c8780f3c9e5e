// Runs calls through `stripe-harness batch --dry-run`: the built harness that
// $STRIPE_HARNESS names, or the one that cargo builds.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const KEY_VARIABLE = 'STRIPE_PARITY_KEY';

/** The command, and what comes before its own arguments. */
export const command = process.env.STRIPE_HARNESS
  ? [process.env.STRIPE_HARNESS]
  : ['cargo', 'run', '--release', '-q', '-p', 'stripe-harness', '--'];

/** Exit codes after which there is an answer for every line. */
const ANSWERED = [0, 1];

/**
 * @param calls {id, resource, method, args}, args as JSON text
 * @param connection properties besides the key
 * @returns the answers, in the order of the calls
 */
export async function plan(calls, connection, secretKey) {
  const properties = Object.entries(connection).flatMap(([name, value]) => ['--property', `${name}=${value}`]);
  const [program, ...first] = command;
  const harness = spawn(program, [...first, 'batch', '--dry-run', '--secret-key-env', KEY_VARIABLE, ...properties], {
    cwd: CHECKOUT,
    env: { ...process.env, [KEY_VARIABLE]: secretKey },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => harness.on('close', resolve).on('error', reject));
  harness.stdin.on('error', () => {}); // it ended early, and its exit code says so
  harness.stdin.end(calls.map((call) => `${line(call)}\n`).join(''));

  let output = '';
  harness.stdout.setEncoding('utf8').on('data', (part) => { output += part; });
  const code = await ended;
  const answers = output.split('\n').filter(Boolean).map((one) => JSON.parse(one));
  if (!ANSWERED.includes(code) || answers.length !== calls.length) {
    throw new Error(`the harness ended with ${code} after ${answers.length} of ${calls.length} answers`);
  }
  return answers;
}

/** The arguments go in as they are written; see ../recorder/special/of.mjs. */
function line({ id, resource, method, args }) {
  return `${JSON.stringify({ id, resource, method }).slice(0, -1)},"args":${args}}`;
}
