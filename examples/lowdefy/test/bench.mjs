// Latency, throughput and event-loop delay of this package beside Lowdefy's own, both
// through Lowdefy's API, against one server. Prints a table; nothing fails by time, but
// for a round that does not end.
//
//   npm run bench [-- ROUNDS SECONDS]     5 rounds of 2 seconds of each kind
//
// The server is plain Node with one fixed answer: the sandbox of a debug build takes
// longer for an answer than either contender for a call. It and each contender are
// processes of their own (this file again), so that no one's garbage or threads are
// another's; contenders take turns by rounds.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { contender } from './contender.mjs';

const AT_ONCE = 32;
/** Longest time, in milliseconds, that a process may say nothing for, besides what it
 * was told to take: many times what the slowest needs on a machine with other work. */
const PATIENCE = 60_000;
const CONTENDERS = [
  { name: 'stripe.wasm', package: 'lowdefy-stripe-wasm' },
  { name: 'workers: 4', package: 'lowdefy-stripe-wasm', workers: 4 },
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
const CUSTOMER = {
  id: 'cus_4242424242', object: 'customer', address: null, balance: 0, created: 1768478400, currency: null, delinquent: false,
  description: null, email: 'ada@shop.example', invoice_prefix: '4242ABCD', livemode: false, metadata: { order_id: '6735' },
  invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  name: 'Ada Lovelace', next_invoice_sequence: 1, phone: null, preferred_locales: [], shipping: null, tax_exempt: 'none',
};

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const progress = (text) => process.stderr.write(`${text}\n`);

/** Answers each request with a customer, after `delay` milliseconds. */
async function answerer({ delay }) {
  const body = JSON.stringify(CUSTOMER);
  const server = createServer((request, response) => {
    const answer = () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length, 'request-id': 'req_bench4242' });
      response.end(body);
    };
    request.resume().once('end', () => (delay ? setTimeout(answer, delay) : answer()));
  });
  server.keepAliveTimeout = 3_600_000; // a contender waits for its turn
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.send(`http://127.0.0.1:${server.address().port}`);
}

/** Processes that must not outlive the bench. */
const running = new Set();

/** A part of the bench in a process of its own. `says` is what it says next: an error
 * where it ends before, or says nothing for so long that it never will. */
function begun(role, what) {
  const child = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(what)]);
  running.add(child);
  const name = what.name ?? 'The server';
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`${name} ended by itself (${signal ?? `status ${status}`})`)));
  });
  ended.catch(() => {}); // whoever waits is told
  const says = async (doing, within = 0) => {
    const late = new AbortController();
    const silence = setTimeout(() => late.abort(), within + PATIENCE);
    try {
      return (await Promise.race([once(child, 'message', { signal: late.signal }), ended]))[0];
    } catch (error) {
      if (!late.signal.aborted) throw error;
      throw new Error(`${name} has not ended ${doing} within ${(within + PATIENCE) / 1000} s: a call got no answer`);
    } finally {
      clearTimeout(silence);
    }
  };
  return { child, says };
}

/** A contender in a process of its own, warm. */
async function started(who, origin, seconds) {
  const { child, says } = begun('--contender', { ...who, origin });
  const measured = async (loops) => {
    const answer = says(`a round of ${seconds} s, ${loops} at a time`, seconds * 1000);
    child.send({ loops, seconds }, () => {}); // one that is gone has told `says`
    return answer;
  };
  await says('its first call');
  await measured(AT_ONCE);
  await measured(1);
  return { ...who, measured, rounds: [] };
}

async function compared(title, delay, rounds, seconds) {
  const all = [];
  try {
    const origin = await begun('--answerer', { delay }).says('its start');
    for (const who of CONTENDERS) {
      progress(`${title}: ${who.name} warms up`);
      all.push(await started(who, origin, seconds));
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const who of all) {
        const alone = await who.measured(1);
        const crowd = await who.measured(AT_ONCE);
        who.rounds.push({ alone, crowd });
        progress(`${title}: round ${round + 1} of ${rounds}, ${who.name}: ${alone.p50.toFixed(2)} ms a call, ${crowd.rate.toFixed(0)} calls a second`);
      }
    }
  } finally {
    for (const child of running) child.kill();
    running.clear();
  }
  const other = all.at(-1);
  const head = all.flatMap(({ name }) => (name === other.name ? [name.padStart(18)] : [name.padStart(12), 'ratio'.padStart(7)]));
  console.log(`\n${title.padEnd(52)}${head.join('')}`);
  for (const { name, of, more } of MEASURES) {
    const figures = all.map((who) => median(who.rounds.map(of)));
    const cells = figures.flatMap((figure, at) => {
      const cell = figure.toFixed(figure < 10 ? 2 : 0);
      if (at === figures.length - 1) return [cell.padStart(18)];
      return [cell.padStart(12), (figure / figures.at(-1)).toFixed(2).padStart(7)];
    });
    console.log(`${`${name}${more ? ' (more is better)' : ''}`.padEnd(52)}${cells.join('')}`);
  }
}

async function main(rounds = 5, seconds = 2) {
  const load = () => loadavg()[0].toFixed(1);
  console.log(`${cpus().length} × ${cpus()[0].model}, Node ${process.version}, load ${load()} before`);
  console.log(`medians of ${rounds} rounds of ${seconds} s each, taking turns; ratio to connection-stripe`);
  await compared('an answer at once', 0, rounds, seconds);
  await compared('an answer within 100 ms', 100, rounds, seconds);
  console.log(`\nload ${load()} after`);
}

const [role, ...rest] = process.argv.slice(2);
const ROLES = { '--contender': contender, '--answerer': answerer };
if (ROLES[role]) await ROLES[role](JSON.parse(rest[0]));
else {
  try {
    await main(...[role, ...rest].filter(Boolean).map(Number));
  } catch (error) {
    console.error(`The bench stopped: ${error.message}.`);
    process.exitCode = 1;
  }
}
