// One thread: an instance of the component that answers one call after another.

import { parentPort } from 'node:worker_threads';
import { connections, requests } from '../component/stripe.js';

/** Connections parsed lately; an app has few. */
const parsed = new Map();
const KEPT = 16;

function connection(properties) {
  let found = parsed.get(properties);
  if (found === undefined) {
    found = connections.parseConnection(properties);
    if (parsed.size >= KEPT) parsed.delete(parsed.keys().next().value);
    parsed.set(properties, found);
  }
  return found;
}

function answer({ properties, nested, resource, method, args }) {
  const as = connection(properties);
  const response = nested === undefined ? requests.request(as, resource, method, args) : requests.stripeRequest(as, nested);
  return { ok: true, value: response };
}

parentPort.on('message', (task) => {
  let result;
  try {
    result = answer(task);
  } catch (error) {
    const { tag, val } = error.payload ?? {};
    // Anything but an error of the contract is a trap, and the instance is dead.
    result = tag
      ? { ok: false, value: { case: tag, failure: val } }
      : { ok: false, dead: true, value: { case: 'execution-failed', failure: { type: 'execution_failed', message: `The component stopped without a result: ${error.message}.` } } };
  }
  parentPort.postMessage(result);
});
