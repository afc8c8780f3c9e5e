// Objects of any kind: made, changed, unset, deleted, listed, searched, expanded.

import { flow, has, matches, refused, same } from '../flows.mjs';
import { errors } from './client.mjs';
import { NOW } from '../sandbox.mjs';

const ids = (objects) => objects.map(({ id }) => id);

async function collected(pages) {
  const all = [];
  for await (const object of pages) all.push(object);
  return all;
}

flow('a customer is made, found, changed and deleted', async ({ stripe }) => {
  const made = await stripe.customers.create({
    name: 'Ada',
    email: 'ada@example.com',
    address: { city: 'Bern', country: 'CH' },
  });
  matches(made.id, /^cus_\w+$/);
  has(made, { object: 'customer', name: 'Ada', email: 'ada@example.com', livemode: false, created: NOW });
  has(made.address, { city: 'Bern', country: 'CH', line1: null });
  same(made.lastResponse.statusCode, 200);
  matches(made.lastResponse.requestId, /^req_\w+$/);
  same(made.lastResponse.apiVersion, stripe.getApiField('version'));

  same({ ...(await stripe.customers.retrieve(made.id)) }, { ...made });
  has(await stripe.customers.update(made.id, { name: 'Ada L.', email: '' }), {
    id: made.id,
    name: 'Ada L.',
    email: null,
  });

  same({ ...(await stripe.customers.del(made.id)) }, { id: made.id, object: 'customer', deleted: true });
  same({ ...(await stripe.customers.retrieve(made.id)) }, { id: made.id, object: 'customer', deleted: true });
  await refused(stripe.customers.update(made.id, { name: 'x' }), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
    statusCode: 404,
  });
});

flow('metadata is merged, and unset by an empty text', async ({ stripe }) => {
  const { id, metadata } = await stripe.customers.create({ metadata: { a: '1', b: '2' } });
  same(metadata, { a: '1', b: '2' });
  same((await stripe.customers.update(id, { metadata: { b: '3', c: '4' } })).metadata, { a: '1', b: '3', c: '4' });
  same((await stripe.customers.update(id, { metadata: { a: '' } })).metadata, { b: '3', c: '4' });
  same((await stripe.customers.update(id, { name: 'Ada' })).metadata, { b: '3', c: '4' });
  same((await stripe.customers.update(id, { metadata: '' })).metadata, {});
});

flow('lists are walked by the client in both directions', async ({ stripe }) => {
  const email = 'pages@example.com';
  const made = [];
  for (let i = 0; i < 7; i += 1) made.push((await stripe.customers.create({ email, name: `n${i}` })).id);
  const newestFirst = [...made].reverse();

  const page = await stripe.customers.list({ email, limit: 3 });
  has(page, { object: 'list', url: '/v1/customers', has_more: true });
  same(ids(page.data), newestFirst.slice(0, 3));
  same(ids(await collected(stripe.customers.list({ email, limit: 3 }))), newestFirst);
  same(ids(await stripe.customers.list({ email, limit: 2 }).autoPagingToArray({ limit: 5 })), newestFirst.slice(0, 5));
  same(
    ids(await collected(stripe.customers.list({ email, limit: 2, starting_after: newestFirst[2] }))),
    newestFirst.slice(3),
  );
  // Walking back, the client hands over the oldest of each page first.
  same(
    ids(await collected(stripe.customers.list({ email, limit: 2, ending_before: newestFirst[4] }))),
    newestFirst.slice(0, 4).reverse(),
  );

  await refused(stripe.customers.list({ limit: 101 }), errors.StripeInvalidRequestError, {
    param: 'limit',
    statusCode: 400,
  });
  await refused(stripe.customers.list({ starting_after: 'cus_none' }), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
    param: 'starting_after',
  });
  same((await stripe.customers.list({ email, created: { lt: NOW } })).data, []);
  same((await stripe.customers.list({ email, created: { gte: NOW }, limit: 100 })).data.length, 7);
});

flow('a search is walked by the client', async ({ stripe }) => {
  const made = [];
  for (let i = 0; i < 5; i += 1)
    made.push((await stripe.customers.create({ name: `Search ${i}`, metadata: { shelf: 'north' } })).id);
  const page = await stripe.customers.search({ query: 'metadata["shelf"]:"north"', limit: 2 });
  has(page, { object: 'search_result', url: '/v1/customers/search', has_more: true });
  same(page.data.length, 2);
  const all = await collected(stripe.customers.search({ query: 'metadata["shelf"]:"north"', limit: 2 }));
  same(ids(all).sort(), [...made].sort());
  same(ids((await stripe.customers.search({ query: 'name~"search 3"' })).data), [made[3]]);
  same((await stripe.customers.search({ query: 'metadata["shelf"]:"north" AND -name:"Search 0"' })).data.length, 4);
  same((await stripe.customers.search({ query: 'name:"Search 0" OR name:"Search 1"' })).data.length, 2);
  await refused(stripe.customers.search({ query: 'name=' }), errors.StripeInvalidRequestError, { statusCode: 400 });
});

flow('ids are expanded, to four levels and no further', async ({ stripe }) => {
  const customer = await stripe.customers.create({ email: 'expand@example.com' });
  const { id } = await stripe.paymentIntents.create({
    amount: 1000,
    currency: 'usd',
    customer: customer.id,
    payment_method: 'pm_card_visa',
    confirm: true,
    return_url: 'https://example.com/back',
  });
  same((await stripe.paymentIntents.retrieve(id)).customer, customer.id);
  same((await stripe.paymentIntents.retrieve(id, { expand: ['customer'] })).customer.email, 'expand@example.com');
  const deep = await stripe.paymentIntents.retrieve(id, {
    expand: ['latest_charge.balance_transaction.source.customer'],
  });
  has(deep.latest_charge, { object: 'charge', amount: 1000 });
  has(deep.latest_charge.balance_transaction, { object: 'balance_transaction', amount: 1000 });
  same(deep.latest_charge.balance_transaction.source.customer.id, customer.id);
  const tooDeep = (expand) =>
    refused(stripe.paymentIntents.list({ expand: [expand] }), errors.StripeInvalidRequestError, { statusCode: 400 });
  const [listed] = (
    await stripe.paymentIntents.list({
      customer: customer.id,
      expand: ['data.latest_charge.balance_transaction.source'],
    })
  ).data;
  same(listed.latest_charge.balance_transaction.source.object, 'charge');
  // `data` of a list counts: see stripe/stripe-java issue 2011.
  await tooDeep('data.latest_charge.balance_transaction.source.customer');
  await refused(stripe.paymentIntents.retrieve(id, { expand: ['amount'] }), errors.StripeInvalidRequestError, {
    statusCode: 400,
  });
});

flow('a connected account has objects of its own', async ({ stripe, client }) => {
  const there = { stripeAccount: 'acct_witness0001' };
  const { id } = await stripe.customers.create({ name: 'theirs' }, there);
  has(await stripe.customers.retrieve(id, {}, there), { id, name: 'theirs' });
  await refused(stripe.customers.retrieve(id), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
    statusCode: 404,
  });
  same(ids((await stripe.customers.list({}, there)).data), [id]);
  same(ids((await client({ stripeAccount: 'acct_witness0001' }).customers.list()).data), [id]);
  same((await stripe.customers.list({}, { stripeAccount: 'acct_witness0002' })).data, []);
  await refused(stripe.customers.list({}, { stripeAccount: 'nonsense' }), errors.StripePermissionError, {
    code: 'account_invalid',
    statusCode: 403,
  });
});

flow('webhook endpoints tell their secret once, and events tell every change', async ({ stripe }) => {
  const endpoint = await stripe.webhookEndpoints.create({
    url: 'https://example.com/hook',
    enabled_events: ['invoice.paid', 'charge.refunded'],
  });
  matches(endpoint.secret, /^whsec_\w+$/);
  has(endpoint, { object: 'webhook_endpoint', status: 'enabled', enabled_events: ['invoice.paid', 'charge.refunded'] });
  const read = await stripe.webhookEndpoints.retrieve(endpoint.id);
  has(read, { url: 'https://example.com/hook', secret: undefined });
  has(await stripe.webhookEndpoints.update(endpoint.id, { disabled: true }), { status: 'disabled' });
  same(
    (await stripe.webhookEndpoints.list()).data.some(({ id }) => id === endpoint.id),
    true,
  );
  has(await stripe.webhookEndpoints.del(endpoint.id), { id: endpoint.id, deleted: true });
  await refused(stripe.webhookEndpoints.retrieve(endpoint.id), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
  });
  await refused(
    stripe.webhookEndpoints.create({ url: 'nowhere', enabled_events: ['*'] }),
    errors.StripeInvalidRequestError,
    { param: 'url' },
  );

  const customer = await stripe.customers.create({ name: 'before' });
  const update = await stripe.customers.update(customer.id, { name: 'after' });
  await stripe.customers.del(customer.id);
  const [deleted, updated, created] = (
    await stripe.events.list({ types: ['customer.created', 'customer.updated', 'customer.deleted'], limit: 3 })
  ).data;
  same(
    [created, updated, deleted].map(({ type }) => type),
    ['customer.created', 'customer.updated', 'customer.deleted'],
  );
  same(
    [created, updated, deleted].every(({ data }) => data.object.id === customer.id),
    true,
  );
  same(updated.data.previous_attributes, { name: 'before' });
  same(updated.data.object.name, 'after');
  has(updated, { object: 'event', api_version: stripe.getApiField('version'), livemode: false });
  same(updated.request.id, update.lastResponse.requestId);
  has(await stripe.events.retrieve(updated.id), { id: updated.id, type: 'customer.updated' });
  same((await stripe.events.list({ type: 'customer.deleted', limit: 1 })).data[0].id, deleted.id);
  same(
    (await stripe.events.list({ type: 'customer.*', limit: 2 })).data.map(({ id }) => id),
    [deleted.id, updated.id],
  );
});
