// node load.mjs stripe|lowdefy ORIGIN
//
// Makes rounds of calls. Each line on stdin is {"loops", "seconds"}: so many loops
// call one after the other for so long. Each is answered by a line of JSON.

import { createInterface } from 'node:readline';
import { contender } from './contenders.mjs';

const [name, origin] = process.argv.slice(2);
const call = await contender(name, origin);
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function round({ loops, seconds }) {
  const taken = [];
  const begun = performance.now();
  const used = process.cpuUsage();
  const until = begun + seconds * 1000;
  const loop = async () => {
    for (let at = performance.now(); at < until; ) {
      const { id } = await call();
      if (!id) throw new Error('not a customer');
      const now = performance.now();
      taken.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  const lasted = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(used);
  taken.sort((a, b) => a - b);
  const quantile = (percent) => Math.round(taken[Math.floor(((taken.length - 1) * percent) / 100)] * 1000);
  return { requests: taken.length, seconds: lasted, p50: quantile(50), p99: quantile(99), processor: user + system };
}

await call();
answer('ready');
for await (const line of createInterface({ input: process.stdin })) answer(await round(JSON.parse(line)));
