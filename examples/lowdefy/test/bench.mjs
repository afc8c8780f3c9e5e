// Latency, throughput and event-loop delay of this package beside Lowdefy's own, both
// through Lowdefy's API, against one sandbox. Prints a table; nothing fails by time.
//
//   npm run bench [-- ROUNDS SECONDS]     5 rounds of 2 seconds of each kind
//
// The sandbox is started by the harness that the variable STRIPE_HARNESS names, or
// that `cargo build` left. Each contender is a process of its own (this file again),
// so that no one's garbage or threads are another's; they take turns by rounds.

import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { contender } from './contender.mjs';

const HARNESS = process.env.STRIPE_HARNESS ?? fileURLToPath(new URL('../../../target/debug/stripe-harness', import.meta.url));
const AT_ONCE = 32;
const CONTENDERS = [
  { name: 'stripe.wasm', package: 'lowdefy-stripe-wasm' },
  { name: `workers: ${AT_ONCE}`, package: 'lowdefy-stripe-wasm', workers: AT_ONCE },
  { name: 'connection-stripe', package: '@lowdefy/connection-stripe' },
];
/** What is measured, and whether more of it is better. */
const MEASURES = [
  { name: 'ms a call, one at a time, p50', of: ({ alone }) => alone.p50 },
  { name: 'ms a call, one at a time, p99', of: ({ alone }) => alone.p99 },
  { name: `calls a second, ${AT_ONCE} at a time`, of: ({ crowd }) => crowd.rate, more: true },
  { name: `ms a call, ${AT_ONCE} at a time, p99`, of: ({ crowd }) => crowd.p99 },
  { name: `ms between loop turns, ${AT_ONCE} at a time, p99`, of: ({ crowd }) => crowd.loop },
  { name: `ms of processor a call, ${AT_ONCE} at a time`, of: ({ crowd }) => crowd.processor },
];

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Processes that must not outlive the bench. */
const running = new Set();

/** A process that ends with the bench, and the bench with it. `next` is what an emitter
 * of its says next, or an error where the process ends before. */
function begun(name, child) {
  running.add(child);
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`${name} ended by itself (${signal ?? `status ${status}`})`)));
  });
  ended.catch(() => {}); // whoever waits is told
  return async (emitter, event) => (await Promise.race([once(emitter, event), ended]))[0];
}

async function sandbox(...flags) {
  const server = spawn(HARNESS, ['sandbox', '--port', '0', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  return begun('The sandbox', server)(createInterface({ input: server.stdout }), 'line');
}

/** A contender in a process of its own, warm. */
async function started(who, origin, seconds) {
  const child = fork(fileURLToPath(import.meta.url), ['--contender', JSON.stringify({ ...who, origin })]);
  const next = begun(who.name, child);
  const measured = async (loops) => {
    const answer = next(child, 'message');
    child.send({ loops, seconds }, () => {}); // one that is gone has told `next`
    return answer;
  };
  await next(child, 'message');
  await measured(AT_ONCE);
  await measured(1);
  return { ...who, measured, rounds: [] };
}

async function compared(title, flags, rounds, seconds) {
  const all = [];
  try {
    const origin = await sandbox(...flags);
    for (const who of CONTENDERS) all.push(await started(who, origin, seconds));
    for (let round = 0; round < rounds; round += 1) {
      for (const who of all) who.rounds.push({ alone: await who.measured(1), crowd: await who.measured(AT_ONCE) });
    }
  } finally {
    for (const child of running) child.kill();
    running.clear();
  }
  const other = all.at(-1);
  const head = all.flatMap(({ name }) => (name === other.name ? [name.padStart(18)] : [name.padStart(18), 'ratio'.padStart(7)]));
  console.log(`\n${title.padEnd(44)}${head.join('')}`);
  for (const { name, of, more } of MEASURES) {
    const figures = all.map((who) => median(who.rounds.map(of)));
    const cells = figures.flatMap((figure, at) => {
      const cell = figure.toFixed(figure < 10 ? 2 : 0).padStart(18);
      if (at === figures.length - 1) return [cell];
      return [cell, (figure / figures.at(-1)).toFixed(2).padStart(7)];
    });
    console.log(`${`${name}${more ? ' (more is better)' : ''}`.padEnd(44)}${cells.join('')}`);
  }
}

async function main(rounds = 5, seconds = 2) {
  const load = () => loadavg()[0].toFixed(1);
  const folder = mkdtempSync(path.join(tmpdir(), 'lowdefy-bench-'));
  const slow = path.join(folder, 'slow.json');
  writeFileSync(slow, JSON.stringify({ rules: [{ fault: 'drip', ms: 100 }] }));
  console.log(`${cpus().length} × ${cpus()[0].model}, Node ${process.version}, load ${load()} before`);
  console.log(`medians of ${rounds} rounds of ${seconds} s each, taking turns; ratio to connection-stripe`);
  try {
    await compared('an answer at once', [], rounds, seconds);
    await compared('an answer within 100 ms', ['--faults', slow], rounds, seconds);
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log(`\nload ${load()} after`);
}

const [flag, ...rest] = process.argv.slice(2);
if (flag === '--contender') await contender(JSON.parse(rest[0]));
else await main(...[flag, ...rest].filter(Boolean).map(Number));
