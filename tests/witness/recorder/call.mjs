// Calls one method of the official client as a case says, and tells what came of
// it: a request, a URL that the client made by itself, or its refusal.

import Stripe from 'stripe';
import { recordedRequest } from './request.mjs';
import { RecordingTransport } from './transport.mjs';

export const SECRET_KEY = 'sk_test_recording0000004242';

/** The version the client asks for when nobody names one. */
export const CLIENT_API_VERSION = Stripe.API_VERSION;

export const CLIENT_VERSION = Stripe.PACKAGE_VERSION;

/** @returns {Promise<{request} | {local} | {error}>} */
export async function call(aCase) {
  const transport = new RecordingTransport();
  const client = newClient(aCase.connection, { httpClient: transport });
  const outcome = await outcomeOf(client, aCase);
  const { requests: [sent, ...more] } = transport;
  if (more.length > 0) throw new Error(`${aCase.id} sends ${more.length + 1} requests`);
  return sent ? { request: recordedRequest(sent) } : outcome;
}

/** @param connection properties as in YAML, as far as the client has them too */
export function newClient({ clientId, ...connection } = {}, config = {}) {
  const client = new Stripe(SECRET_KEY, {
    ...connection,
    ...config,
    maxNetworkRetries: 0,
    telemetry: false, // it would describe the machine and write to its disk
  });
  if (clientId) client.setClientId(clientId);
  return client;
}

export async function outcomeOf(client, { resource, method, args }) {
  const target = resource === '' ? client : resource.split('.').reduce((parent, name) => parent[name], client);
  try {
    const answer = await target[method](...JSON.parse(args));
    return typeof answer === 'string' ? { local: answer } : { answer };
  } catch (error) {
    // A connection error hides the transport's own.
    return { error: error.detail?.message ?? error.message };
  }
}
