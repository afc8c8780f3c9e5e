// Who is measured. Each makes one call: the customer the other contenders create.

import http from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const KEY = 'sk_test_0123456789abcdef';
const CUSTOMER = { email: 'ada@shop.example', name: 'Ada Lovelace', metadata: { order_id: '6735' } };

/** @returns {Promise<() => Promise<object>>} */
export async function contender(name, origin) {
  const { hostname, port, protocol } = new URL(origin);
  return name === 'stripe' ? official(hostname, port, protocol.replace(':', '')) : lowdefy(hostname, port);
}

async function official(host, port, protocol) {
  const { default: Stripe } = await import('stripe');
  const stripe = new Stripe(KEY, { host, port, protocol });
  return () => stripe.customers.create(CUSTOMER);
}

/**
 * The connector constructs its client itself and has no property for the host, so
 * the client is told to use plain http, and Node's http.request is told where to go.
 */
async function lowdefy(host, port) {
  const connector = import.meta.resolve('@lowdefy/connection-stripe/connections');
  // The very client that the connector imports, which is not the one beside this file.
  const path = createRequire(connector).resolve('stripe').replaceAll('cjs', 'esm');
  const { default: Stripe } = await import(pathToFileURL(path));
  const { getApiField } = Stripe.prototype;
  Stripe.prototype.getApiField = function (name) {
    return name === 'protocol' ? 'http' : getApiField.call(this, name);
  };
  const { request } = http;
  http.request = (options) => request(Object.assign(options, { host, port }));

  const { Stripe: connection } = await import(connector);
  const { StripeRequest } = connection.requests;
  return () => StripeRequest({
    request: { customers: { create: [CUSTOMER] } },
    connection: { secretKey: KEY },
  });
}
