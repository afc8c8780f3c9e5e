// One of those whom bench.mjs compares: makes a round of calls for each message.

import http from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import Stripe from 'stripe';
import { callThroughLowdefy } from './app.mjs';

const CUSTOMER = { email: 'ada@shop.example', name: 'Ada Lovelace', metadata: { order_id: '6735' } };

/** Lowdefy's own connector has no property for the host, so its client (the very one it
 * imports) is told to use plain http, and Node's http.request where to go. */
function redirected({ hostname, port }) {
  const { getApiField } = Stripe.prototype;
  Stripe.prototype.getApiField = function (name) {
    return name === 'protocol' ? 'http' : getApiField.call(this, name);
  };
  const { request } = http;
  http.request = (options) => request(Object.assign(options, { host: hostname, port }));
}

async function connected({ package: name, workers, origin }) {
  const connections = await import(`${name}/connections`);
  const isOwn = name === 'lowdefy-stripe-wasm';
  if (!isOwn) redirected(new URL(origin));
  const connection = {
    secretKey: { _secret: 'STRIPE_SECRET_KEY' },
    ...(isOwn && { baseUrl: origin }),
    ...(workers && { workers }),
  };
  return async () => {
    const { response, error } = await callThroughLowdefy({
      connections,
      connection,
      request: { customers: { create: [CUSTOMER] } },
      secrets: { STRIPE_SECRET_KEY: 'sk_test_bench_4242' },
    });
    if (!response?.id) throw new Error(error?.message ?? 'This is not a customer.');
  };
}

async function round(call, { loops, seconds }) {
  const taken = [];
  const loopDelay = monitorEventLoopDelay({ resolution: 1 });
  const used = process.cpuUsage();
  const begun = performance.now();
  const until = begun + seconds * 1000;
  loopDelay.enable();
  const loop = async () => {
    for (let at = performance.now(); at < until; ) {
      await call();
      const now = performance.now();
      taken.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  loopDelay.disable();
  const lasted = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(used);
  taken.sort((a, b) => a - b);
  const quantile = (share) => taken[Math.floor((taken.length - 1) * share)];
  return {
    rate: taken.length / lasted,
    p50: quantile(0.5),
    p99: quantile(0.99),
    loop: loopDelay.percentile(99) / 1e6,
    processor: (user + system) / 1000 / taken.length,
  };
}

export async function contender(who) {
  const call = await connected(who);
  await call();
  process.on('message', async (wanted) => process.send(await round(call, wanted)));
  process.send('ready');
}
