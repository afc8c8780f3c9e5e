// What an app written in TypeScript may do: `tsc` accepts all of it. Nothing here runs.

import { constructEvent, listAll, listPage, request, StripeError, stripeRequest } from 'lowdefy-stripe-wasm';
import type { Listed, StripeConnection, StripeResponse } from 'lowdefy-stripe-wasm';
import { Stripe } from 'lowdefy-stripe-wasm/connections';
import types from 'lowdefy-stripe-wasm/types';

interface Customer {
  id: string;
  email: string | null;
}

// Properties that have no type of their own are any of the component's.
const connection: StripeConnection = { secretKey: 'sk_test_…', workers: 4, maxNetworkRetries: 3, readOnly: true };
const { signal } = new AbortController();

export async function calls(): Promise<string> {
  const made: StripeResponse<Customer> = await request<Customer>(connection, 'customers', 'create', [{ email: 'a@example.com' }], { signal });
  const untyped = await request(connection, 'balance', 'retrieve');
  const nested = await stripeRequest<Customer>(connection, { customers: { retrieve: made.body.id } });
  const status: number | undefined = made.status;
  return `${status} ${untyped.body.available[0].amount} ${nested.body.email ?? ''} ${made.attempts.toFixed()}`;
}

export async function lists(): Promise<Customer[]> {
  const all = await listAll<Customer>(connection, 'customers', 'list', [{ limit: 100 }], { limit: 1000, signal });
  let page: Listed<Customer> = await listPage<Customer>(connection, 'customers', 'list');
  if (page.next !== undefined) page = await listPage<Customer>(connection, 'customers', 'list', null, { cursor: page.next });
  return [...all.items, ...page.items].slice(0, all.pages);
}

export async function webhook(arrived: Request): Promise<string> {
  const body = new Uint8Array(await arrived.arrayBuffer());
  const event = await constructEvent<{ type: string }>(body, arrived.headers.get('stripe-signature'), ['whsec_…'], { tolerance: 600 });
  const untyped = await constructEvent('{}', 't=1,v1=0', 'whsec_…');
  return event.type + untyped.id;
}

export async function failures(): Promise<string | undefined> {
  try {
    await calls();
  } catch (error) {
    if (!(error instanceof StripeError)) throw error;
    if (error.case === 'transient' && error.retryAfterMs !== undefined) return `again in ${error.retryAfterMs.toFixed()}`;
    return error.mayHaveBeenSent ? error.idempotencyKey : error.message;
  }
  return undefined;
}

export const answer: Promise<Listed> = Stripe.requests.StripeListAll({
  connection,
  request: { resource: 'customers', method: 'list', limit: 10 },
});
export const names: string[] = [...types.connections, ...types.requests];
