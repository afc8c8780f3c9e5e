// The plugin against localstripe, a stateful server by others: every call of the
// four documents, as far as that server has it.
//
//   node localstripe.mjs PYTHON    the Python that has localstripe
//
// What it does not have is sent too and must be refused, so that the list of what
// is skipped cannot grow old. The harness is spoken to as its users do: `run` for
// Lowdefy's file, `request` for LoopFour's steps, one `batch` for the others.

import { deepStrictEqual, fail } from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as documents from './steps.mjs';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const ENVIRONMENT = { ...process.env, STRIPE_SECRET_KEY: 'sk_test_localstripe0000004242' };
const [COMMAND, ...FIRST] = process.env.STRIPE_HARNESS
  ? [process.env.STRIPE_HARNESS]
  : ['cargo', 'run', '--release', '-q', '-p', 'stripe-harness', '--'];

let checks = 0;
const skipped = new Set();

/** The answer's field at a path such as `items.data.0.id`. */
const at = (object, path) => path.split('.').reduce((value, name) => value?.[name] ?? null, object);

/** With what earlier answers said in the place of `$name.field`. */
function filled(value, kept) {
  if (typeof value === 'string' && value.startsWith('$')) {
    const [, name, path] = /^\$(\w+)\.(.+)$/.exec(value);
    return at(kept[name], path) ?? fail(`nothing is kept as ${value}`);
  }
  if (Array.isArray(value)) return value.map((element) => filled(element, kept));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filled(inner, kept)]));
}

function expectFields(actual, expected) {
  for (const [path, value] of Object.entries(expected)) {
    deepStrictEqual({ [path]: at(actual, path) }, { [path]: value });
    checks += 1;
  }
}

/** The error as the plugin gives it: this status, no retries, and what it means. */
function expectRefusal({ error, response }, status, what) {
  if (!error) fail(`${what} is answered: ${JSON.stringify(response.body).slice(0, 200)}`);
  expectFields(error, { attempts: 1, may_have_been_sent: status >= 500 });
  if (status) expectFields(error, { status });
}

function skip(call, reason) {
  skipped.add(`skipped by localstripe: ${call}: ${reason}`);
}

/** The document's arguments with other parameters in place of what is not taken. */
function replaced(args, instead) {
  const params = { ...args.at(-1) };
  for (const [name, [value]] of Object.entries(instead)) {
    if (value === null) delete params[name];
    else params[name] = value;
  }
  return [...args.slice(0, -1), params];
}

async function take(step, send, kept) {
  const { call, args, instead, gives, fails, lacks, status, as } = step;
  if (lacks) {
    expectRefusal(await send(call, filled(args, kept)), status, call);
    return skip(call, lacks);
  }
  for (const [name, [value, reason, answered]] of Object.entries(instead ?? {})) {
    // With this one of the document's parameters, and the others replaced.
    const { [name]: _, ...others } = instead;
    const { error } = await send(call, filled(replaced(args, others), kept));
    if (!error !== Boolean(answered)) fail(`${call} with its ${name} is ${error ? 'refused' : 'answered'}`);
    checks += 1;
    const own = args.at(-1)[name];
    skip(`${call} with ${name}${typeof value === 'string' ? ` ${own}` : ''}`, reason);
  }
  const answer = await send(call, filled(instead ? replaced(args, instead) : args, kept));
  if (fails) {
    expectRefusal(answer, fails.status, call);
    return expectFields(answer.error, fails);
  }
  if (!answer.response) fail(JSON.stringify(answer.error));
  expectFields(answer.response, { status: 200, attempts: 1 });
  expectFields(answer.response.body, filled(gives, kept));
  if (as) kept[as] = answer.response.body;
  return undefined;
}

function harness(...args) {
  return [COMMAND, [...FIRST, ...args], { cwd: CHECKOUT, env: ENVIRONMENT }];
}

/** One process for one answer, whatever its exit code says of it. */
function output(...args) {
  const [command, given, options] = harness(...args);
  return new Promise((resolve, reject) => {
    execFile(command, given, { ...options, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error && (error.code !== 1 || !stdout)) reject(new Error(`${given.join(' ')}: ${stderr}`));
      else
        resolve(
          stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        );
    });
  });
}

/** `request`, a process for each call. */
const byRequest = (url) => async (call, args) => {
  const [answer] = await output(
    'request',
    '--base-url',
    url,
    '--max-network-retries',
    '0',
    '--output',
    'json',
    call,
    ...args.map((arg) => JSON.stringify(arg)),
  );
  return answer;
};

/** `batch`, one process that is handed a line when the one before is answered. */
function byBatch(url) {
  const [command, args, options] = harness('batch', '--base-url', url, '--max-network-retries', '0', '--quiet');
  const process = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  let count = 0;
  const send = async (call, args) => {
    count += 1;
    const dot = call.lastIndexOf('.');
    process.stdin.write(
      `${JSON.stringify({ id: String(count), resource: call.slice(0, dot), method: call.slice(dot + 1), args })}\n`,
    );
    const { value } = await lines.next();
    const answer = JSON.parse(value ?? fail('the batch has ended'));
    deepStrictEqual(answer.id, String(count));
    return answer;
  };
  return {
    send,
    end: () =>
      new Promise((resolve) => {
        process.on('exit', resolve);
        process.stdin.end();
      }),
  };
}

/** A YAML file of Lowdefy's, by `run`, with a connection that leads to the server. */
async function takeFile({ file, gives }, url) {
  const text = readFileSync(join(CHECKOUT, file), 'utf8');
  const connected = text.replace('    properties:\n', `$&      baseUrl: ${url}\n      maxNetworkRetries: 0\n`);
  const folder = mkdtempSync(join(tmpdir(), 'stripe-witness-'));
  writeFileSync(join(folder, 'requests.yaml'), connected);
  const answers = await output('run', '--allow-origin', url, '--output', 'json', join(folder, 'requests.yaml'));
  rmSync(folder, { recursive: true });
  deepStrictEqual(
    answers.map(({ id }) => id),
    Object.keys(gives),
  );
  for (const answer of answers) {
    const { lacks, status, call, ...fields } = gives[answer.id];
    if (lacks) {
      expectRefusal(answer, status, call);
      skip(call, lacks);
    } else {
      expectFields(answer.response?.body, fields);
    }
  }
  return answers.length;
}

async function takeAll(name, steps, send) {
  const kept = {};
  for (const [index, step] of steps.entries()) {
    try {
      await take(step, send, kept);
    } catch (error) {
      throw new Error(`${name}, step ${index + 1}, ${step.call}: ${error.message}`);
    }
  }
  return steps.filter(({ prepares }) => !prepares).length;
}

let batch;
const server = spawn(process.argv[2], [fileURLToPath(new URL('server.py', import.meta.url))], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
try {
  const [url] = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', (line) => resolve([line]));
    server.on('error', reject).on('exit', (code) => reject(new Error(`localstripe ended with ${code}`)));
  });
  batch = byBatch(url);
  const calls = {
    lowdefy: await takeFile(documents.lowdefy, url),
    ballerina: await takeAll('ballerina', documents.ballerina, batch.send),
    loopfour: await takeAll('loopfour', documents.loopfour, byRequest(url)),
    lodol: await takeAll('lodol', documents.lodol, batch.send),
  };
  deepStrictEqual(await batch.end(), 1); // some of its lines were to be refused
  console.log([...skipped].join('\n'));
  const counts = Object.entries(calls)
    .map(([name, count]) => `${count} of ${name}`)
    .join(', ');
  console.log(`localstripe: ${counts}; ${checks} checks passed, ${skipped.size} skipped`);
} catch (error) {
  console.log(`FAILED ${error.message}`);
  process.exitCode = 1;
} finally {
  server.kill();
  batch?.end();
}
