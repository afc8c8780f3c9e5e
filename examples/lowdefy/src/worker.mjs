// One thread: an instance of the component that answers one call after another.

import { parentPort } from 'node:worker_threads';
import { connections, pages, requests, webhooks } from '../component/stripe.js';

// It is empty, and each look into a thread's own costs more than into any object's: jco
// looks for its JCO_DEBUG at each call between component and host.
process.env = {};

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

/** What a task's `function` names; see stripe.cjs. */
const FUNCTIONS = {
  request: ({ properties, resource, method, args }) => requests.request(connection(properties), resource, method, args),
  stripeRequest: ({ properties, nested }) => requests.stripeRequest(connection(properties), nested),
  listAll: ({ properties, resource, method, args, limit }) => pages.listAll(connection(properties), resource, method, args, limit),
  listPage: ({ properties, resource, method, args, cursor }) => pages.listPage(connection(properties), resource, method, args, cursor),
  constructEvent: ({ payload, signature, secrets, tolerance, receivedAt }) =>
    webhooks.constructEvent(payload, signature, secrets, tolerance, receivedAt),
};

parentPort.on('message', (task) => {
  let result;
  try {
    result = { ok: true, value: FUNCTIONS[task.function](task) };
  } catch (error) {
    const { tag, val } = error.payload ?? {};
    // Anything but an error of the contract is a trap, and the instance is dead.
    result = tag
      ? { ok: false, value: { case: tag, failure: val } }
      : { ok: false, dead: true, value: { case: 'execution-failed', failure: { type: 'execution_failed', mayHaveBeenSent: true, message: `The component stopped without a result: ${error.message}.` } } };
  }
  parentPort.postMessage(result);
});
