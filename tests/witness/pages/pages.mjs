// Compares how the plugin walks lists with the official client's
// auto-pagination, live: both read the same lists from a server that answers by
// script, and must ask for the same pages in the same order and see the same
// items.
//
//   node pages.mjs
//
// Needs the recorder beside it to be installed.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const KEY = 'sk_test_pages_1234567890';
const Stripe = createRequire(new URL('../recorder/package.json', import.meta.url))('stripe');

/** Name, how the official client is asked, the harness's arguments. */
const CASES = [
  ['forwards', (stripe) => stripe.customers.list({ limit: 3 }), ['customers', '{"limit":3}']],
  [
    'with params and expand',
    (stripe) => stripe.customers.list({ email: 'a@b.c', limit: 4, expand: ['data.default_source'] }),
    ['customers', '{"email":"a@b.c","limit":4,"expand":["data.default_source"]}'],
  ],
  [
    'from the middle',
    (stripe) => stripe.customers.list({ starting_after: 'item_4', limit: 2 }),
    ['customers', '{"starting_after":"item_4","limit":2}'],
  ],
  [
    'backwards',
    (stripe) => stripe.customers.list({ limit: 3, ending_before: 'item_8' }),
    ['customers', '{"limit":3,"ending_before":"item_8"}'],
  ],
  [
    'below an object',
    (stripe) => stripe.accounts.listPersons('acct_1', { limit: 5 }),
    ['accounts.listPersons', 'acct_1', '{"limit":5}'],
  ],
  [
    'search',
    (stripe) => stripe.customers.search({ query: "email:'a'", limit: 4 }),
    ['customers.search', `{"query":"email:'a'","limit":4}`],
  ],
  ['v2', (stripe) => stripe.v2.core.eventDestinations.list({ limit: 4 }), ['v2.core.eventDestinations', '{"limit":4}']],
];

const ITEMS = Array.from({ length: 10 }, (_, at) => ({ id: `item_${at}` }));

/** Ten items by whatever way of paging is asked for. */
function answer(target) {
  const url = new URL(target, 'http://x');
  const size = Number(url.searchParams.get('limit'));
  const place = (name) => ITEMS.findIndex(({ id }) => id === url.searchParams.get(name));
  if (url.searchParams.has('ending_before')) {
    const end = place('ending_before');
    return { data: ITEMS.slice(Math.max(0, end - size), end), has_more: end > size };
  }
  const page = Number(url.searchParams.get('page') ?? 0);
  const start = url.searchParams.has('starting_after') ? place('starting_after') + 1 : page * size;
  const data = ITEMS.slice(start, start + size);
  const more = start + size < ITEMS.length;
  if (url.pathname.startsWith('/v2/')) {
    return { data, next_page_url: more ? `${url.pathname}?limit=${size}&page=${page + 1}` : null, previous_page_url: null };
  }
  const search = url.pathname.endsWith('/search') ? { next_page: more ? String(page + 1) : null } : {};
  return { object: 'list', data, has_more: more, ...search };
}

let asked = [];
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer(request.url)));
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const { port } = server.address();

async function official(read) {
  asked = [];
  const stripe = new Stripe(KEY, { host: '127.0.0.1', port, protocol: 'http', telemetry: false });
  const items = [];
  for await (const { id } of read(stripe)) items.push(id);
  return { items, asked };
}

async function plugin(args) {
  asked = [];
  const [command, ...first] = process.env.STRIPE_HARNESS
    ? [process.env.STRIPE_HARNESS]
    : ['cargo', 'run', '--release', '-q', '-p', 'stripe-harness', '--'];
  const harness = spawn(command, [...first, 'list', '--all', '--base-url', `http://127.0.0.1:${port}`, ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, STRIPE_SECRET_KEY: KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  harness.stdout.setEncoding('utf8').on('data', (part) => { output += part; });
  const code = await new Promise((resolve, reject) => { harness.on('close', resolve).on('error', reject); });
  if (code !== 0) throw new Error(`the harness ended with ${code}`);
  return { items: output.split('\n').filter(Boolean).map((line) => JSON.parse(line).id), asked };
}

let requests = 0;
for (const [name, read, args] of CASES) {
  const [theirs, ours] = [await official(read), await plugin(args)];
  requests += theirs.asked.length;
  if (theirs.items.length === 0 || JSON.stringify(theirs) !== JSON.stringify(ours)) {
    console.log(`${name}\n  official  ${JSON.stringify(theirs)}\n  plugin    ${JSON.stringify(ours)}`);
    process.exitCode = 1;
  }
}
console.log(`${CASES.length} lists, ${requests} pages.`);
server.close();
