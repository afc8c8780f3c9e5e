// Payments through Restate, whose service is killed with -9 again and again:
//
//   node restate-killed.mjs ORIGIN [PAYMENTS]
//
// Restate runs again what had not answered, and cannot know whether it had paid. Each
// order must be paid once, and the secret key be in nothing that Restate keeps.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, restateServer } from './restate-server.mjs';

const KEY = 'sk_test_restate_4242';
const SERVICE = fileURLToPath(new URL('../../examples/restate/service.mjs', import.meta.url));
const [origin, count = 60] = process.argv.slice(2);
const KILLS = 3;

const [port] = await freePorts(1);
function started() {
  return spawn(process.execPath, [SERVICE, port], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, STRIPE_SECRET_KEY: KEY, STRIPE_BASE_URL: origin },
  });
}

/** The orders of all payments there are. */
async function paidOrders() {
  const orders = [];
  for (let more = true, after = ''; more; ) {
    const answer = await fetch(`${origin}/v1/payment_intents?limit=100${after}`, { headers: { authorization: `Bearer ${KEY}` } });
    const { data, has_more: hasMore } = await answer.json();
    orders.push(...data.filter(({ status }) => status === 'succeeded').map(({ metadata }) => metadata.order));
    [more, after] = [hasMore, `&starting_after=${data.at(-1)?.id}`];
  }
  return orders;
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) yield path.join(entry.parentPath ?? entry.path, entry.name);
  }
}

const server = await restateServer();
let service = started();
process.on('exit', () => service.kill('SIGKILL'));
await server.register(port);
let answered = 0;
let kills = 0;
const answers = await Promise.all(Array.from({ length: Number(count) }, async (_, number) => {
  const params = { amount: 2000, currency: 'usd', confirm: true, payment_method: 'pm_card_visa', metadata: { order: `order-${number}` } };
  const { body } = await server.call('stripe', 'pay', params);
  answered += 1;
  if (kills < KILLS && answered >= ((kills + 1) * count) / (KILLS + 1)) {
    kills += 1;
    service.kill('SIGKILL');
    service = started();
  }
  return body;
}));
const paid = await paidOrders();
const once = new Set(paid);
const kept = [...files(server.folder)];
const leaks = kept.filter((file) => readFileSync(file).includes(KEY));
// It is there to be found: what was sent is kept.
const searched = kept.some((file) => readFileSync(file).includes('pm_card_visa'));
server.stop();

const right = new Set(answers.map(({ id }) => id)).size === Number(count) && once.size === Number(count) && paid.length === once.size;
console.log(`${'Restate'.padEnd(12)} ${`one service, killed ${kills} times`.padEnd(34)} ${String(once.size).padStart(3)}/${String(count).padEnd(3)} ${String(paid.length - once.size).padStart(4)} twice`);
if (leaks.length) console.error(`the secret key is in ${leaks.join(', ')}`);
if (!searched) console.error('nothing was found to search for the key');
process.exit(Number(!right || leaks.length > 0 || !searched || kills !== KILLS));
