// What Stripe promises of every call: keys, idempotency, errors, limits, retries,
// and the calls of v2.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow, has, matches, refused, same } from '../flows.mjs';
import { errors } from './client.mjs';
import { NOW, Sandbox } from '../sandbox.mjs';

flow('the same key and parameters get the same answer again', async ({ stripe }) => {
  const options = { idempotencyKey: 'order-17' };
  const params = { amount: 2000, currency: 'eur' };
  const first = await stripe.paymentIntents.create(params, options);
  const again = await stripe.paymentIntents.create(params, options);
  same({ ...again }, { ...first });
  same(first.lastResponse.headers['idempotent-replayed'], undefined);
  same(again.lastResponse.headers['idempotent-replayed'], 'true');
  same(again.lastResponse.idempotencyKey, 'order-17');
  has(await stripe.paymentIntents.create(params), { object: 'payment_intent' });
  same((await stripe.paymentIntents.list({ limit: 3 })).data.filter(({ id }) => id === first.id).length, 1);

  await refused(stripe.paymentIntents.create({ ...params, amount: 2001 }, options), errors.StripeIdempotencyError, {
    statusCode: 400,
    rawType: 'idempotency_error',
  });
  await refused(stripe.customers.create({}, options), errors.StripeIdempotencyError, { statusCode: 400 });
  // A decline is an answer like any other.
  const declined = {
    amount: 2000,
    currency: 'usd',
    payment_method: 'pm_card_chargeDeclined',
    confirm: true,
    return_url: 'https://example.com',
  };
  const decline = () =>
    refused(stripe.paymentIntents.create(declined, { idempotencyKey: 'order-18' }), errors.StripeCardError);
  same((await decline()).payment_intent.id, (await decline()).payment_intent.id);
});

flow('a key that is wrong, absent or not allowed is refused by its own error', async ({ stripe, client }) => {
  const wrong = await refused(client({ key: 'sk_test_!' }).customers.list(), errors.StripeAuthenticationError, {
    statusCode: 401,
    type: 'StripeAuthenticationError',
  });
  matches(wrong.message, /Invalid API Key/);
  await refused(client({ key: 'nonsense' }).customers.list(), errors.StripeAuthenticationError, { statusCode: 401 });
  const live = await refused(
    client({ key: 'sk_live_witness0000004242' }).customers.list(),
    errors.StripeAuthenticationError,
    { statusCode: 401 },
  );
  same(live.message.includes('witness0000'), false);
  await refused(client({ key: 'pk_test_witness0000004242' }).customers.list(), errors.StripeAuthenticationError, {
    statusCode: 401,
  });

  const reader = client({ key: 'rk_test_witness_read_only' });
  same((await reader.customers.list({ limit: 1 })).object, 'list');
  await refused(reader.customers.create({}), errors.StripePermissionError, {
    statusCode: 403,
    type: 'StripePermissionError',
  });
  await refused(client({ key: 'rk_test_witness_no_access' }).balance.retrieve(), errors.StripePermissionError, {
    statusCode: 403,
  });
  const customers = client({ key: 'rk_test_witness_only_customers' });
  has(await customers.customers.create({ name: 'allowed' }), { name: 'allowed' });
  await refused(customers.invoices.list(), errors.StripePermissionError, { statusCode: 403 });
  has(await stripe.customers.create({}, { apiKey: 'sk_test_another0000004242' }), { object: 'customer' });
});

flow('what is missing, unknown or malformed is named by the error', async ({ stripe }) => {
  const bad = (call, expected) =>
    refused(call, errors.StripeInvalidRequestError, { rawType: 'invalid_request_error', ...expected });
  await bad(stripe.paymentIntents.create({ currency: 'usd' }), {
    code: 'parameter_missing',
    param: 'amount',
    statusCode: 400,
  });
  await bad(stripe.paymentIntents.create({ amount: 2000, currency: 'usd', colour: 'red' }), {
    code: 'parameter_unknown',
    param: 'colour',
    statusCode: 400,
  });
  await bad(stripe.paymentIntents.create({ amount: 'ten', currency: 'usd' }), {
    code: 'parameter_invalid_integer',
    param: 'amount',
  });
  await bad(stripe.paymentIntents.create({ amount: 20, currency: 'usd' }), {
    code: 'amount_too_small',
    param: 'amount',
  });
  await bad(stripe.paymentIntents.create({ amount: 2000, currency: 'usd', customer: 'cus_none' }), {
    code: 'resource_missing',
    param: 'customer',
    statusCode: 400,
  });
  const missing = await bad(stripe.customers.retrieve('cus_none'), {
    code: 'resource_missing',
    param: 'id',
    statusCode: 404,
  });
  matches(missing.message, /^No such customer: 'cus_none'$/);
  matches(missing.doc_url, /resource-missing$/);
  matches(missing.requestId, /^req_/);
  await bad(stripe.rawRequest('GET', '/v1/no_such_thing'), { statusCode: 404 });
  await bad(stripe.customers.create({ metadata: { key: 'x'.repeat(501) } }), { param: 'metadata[key]' });
});

flow('more requests than the limit are refused as such, until time has passed', async ({ client }) => {
  const limited = await Sandbox.start('--rate-limit', '3');
  try {
    const stripe = client({ url: limited.url });
    for (let i = 0; i < 3; i += 1) await stripe.customers.list();
    await refused(stripe.customers.list(), errors.StripeRateLimitError, {
      statusCode: 429,
      code: 'rate_limit',
      type: 'StripeRateLimitError',
    });
    same((await stripe.customers.list({}, { stripeAccount: 'acct_witness0001' })).object, 'list');
    await limited.act('clock', { advance: 1 });
    same((await stripe.customers.list()).object, 'list');
  } finally {
    await limited.stop();
  }
});

flow('a call that the client retries over a restart is made once', async ({ client }) => {
  const folder = mkdtempSync(join(tmpdir(), 'stripe-witness-'));
  const data = ['--data', join(folder, 'kept.redb')];
  let sandbox = await Sandbox.start(...data);
  try {
    const { url } = sandbox;
    const kept = await client({ url }).customers.create({ name: 'before' });
    await sandbox.stop();
    await refused(client({ url }).customers.list(), errors.StripeConnectionError);

    const call = client({ url, maxNetworkRetries: 8 }).customers.create({ name: 'during' });
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    sandbox = await Sandbox.start(...data, '--port', url.port);
    const made = await call;
    const names = (await client({ url }).customers.list()).data.map(({ name }) => name);
    same(names, ['during', 'before']);
    has(await client({ url }).customers.retrieve(kept.id), { created: NOW, name: 'before' });
    has(made, { name: 'during' });
  } finally {
    await sandbox.stop();
    rmSync(folder, { recursive: true });
  }
});

flow('the calls of v2 are answered in the form of v2', async ({ stripe }) => {
  const destination = await stripe.v2.core.eventDestinations.create({
    name: 'Witness',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['v1.billing.meter.error_report_triggered'],
    webhook_endpoint: { url: 'https://example.com/thin' },
  });
  has(destination, { object: 'v2.core.event_destination', name: 'Witness', status: 'enabled', livemode: false });
  matches(destination.created, /^2026-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  has(await stripe.v2.core.eventDestinations.update(destination.id, { name: 'Renamed' }), { name: 'Renamed' });
  has(await stripe.v2.core.eventDestinations.disable(destination.id), { status: 'disabled' });
  has(await stripe.v2.core.eventDestinations.enable(destination.id), { status: 'enabled' });
  for (let i = 0; i < 4; i += 1) {
    await stripe.v2.core.eventDestinations.create({
      name: `n${i}`,
      type: 'webhook_endpoint',
      event_payload: 'thin',
      enabled_events: ['*'],
      webhook_endpoint: { url: 'https://example.com' },
    });
  }
  const names = [];
  for await (const { name } of stripe.v2.core.eventDestinations.list({ limit: 2 })) names.push(name);
  same(names, ['n3', 'n2', 'n1', 'n0', 'Renamed']);
  same((await stripe.v2.core.eventDestinations.del(destination.id)).id, destination.id);
  await refused(stripe.v2.core.eventDestinations.retrieve(destination.id), errors.StripeInvalidRequestError, {
    statusCode: 404,
  });

  const metered = await stripe.v2.billing.meterEvents.create(
    { event_name: 'api_calls', payload: { stripe_customer_id: 'cus_1', value: '25' } },
    { idempotencyKey: 'meter-1' },
  );
  has(metered, {
    object: 'v2.billing.meter_event',
    event_name: 'api_calls',
    payload: { stripe_customer_id: 'cus_1', value: '25' },
  });
  matches(metered.identifier, /./);
  same((await stripe.v2.core.events.list({ limit: 3 })).data.length <= 3, true);
  await refused(stripe.v2.billing.meterEvents.create({ payload: {} }), errors.StripeInvalidRequestError, {
    statusCode: 400,
  });
});
