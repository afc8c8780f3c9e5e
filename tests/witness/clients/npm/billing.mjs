// What is sold and billed: products, prices, payment links, checkout, invoices,
// subscriptions.

import { flow, has, matches, refused, same } from '../flows.mjs';
import { errors } from './client.mjs';

const DAY = 86_400;

/** A product's price; of a single purchase, unless `recurring` says how often. */
async function priced(stripe, unit_amount, recurring) {
  const product = await stripe.products.create({ name: `Thing for ${unit_amount}` });
  return stripe.prices.create({ product: product.id, unit_amount, currency: 'usd', recurring });
}

/** A customer who pays with the card of this name. */
async function payer(stripe, card = 'pm_card_visa') {
  const customer = await stripe.customers.create({ email: 'payer@example.com' });
  const method = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
}

flow('products have prices', async ({ stripe }) => {
  const product = await stripe.products.create({ name: 'Premium Plan', description: 'Access to everything' });
  matches(product.id, /^prod_\w+$/);
  has(product, { object: 'product', name: 'Premium Plan', active: true });
  const monthly = await stripe.prices.create({
    product: product.id,
    unit_amount: 1999,
    currency: 'usd',
    recurring: { interval: 'month' },
    lookup_key: 'premium',
  });
  has(monthly, { object: 'price', unit_amount: 1999, type: 'recurring', product: product.id });
  same(String(monthly.unit_amount_decimal), '1999');
  has(monthly.recurring, { interval: 'month', interval_count: 1, usage_type: 'licensed' });
  const once = await stripe.prices.create({ product: product.id, unit_amount: 500, currency: 'eur' });
  has(once, { type: 'one_time', recurring: null });
  same(
    (await stripe.prices.list({ product: product.id })).data.map(({ id }) => id),
    [once.id, monthly.id],
  );
  same(
    (await stripe.prices.list({ lookup_keys: ['premium'] })).data.map(({ id }) => id),
    [monthly.id],
  );
  has(await stripe.prices.update(once.id, { active: false }), { active: false });
  same(
    (await stripe.prices.list({ product: product.id, active: true })).data.map(({ id }) => id),
    [monthly.id],
  );
  same((await stripe.prices.retrieve(monthly.id, { expand: ['product'] })).product.name, 'Premium Plan');
  await refused(
    stripe.prices.create({ product: 'prod_none', unit_amount: 1, currency: 'usd' }),
    errors.StripeInvalidRequestError,
    { code: 'resource_missing', param: 'product' },
  );
  await refused(stripe.products.del(product.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  const bare = await stripe.products.create({ name: 'Bare' });
  has(await stripe.products.del(bare.id), { id: bare.id, deleted: true });
});

flow('a payment link sells a price', async ({ stripe }) => {
  const price = await priced(stripe, 500);
  const link = await stripe.paymentLinks.create({ line_items: [{ price: price.id, quantity: 2 }] });
  matches(link.id, /^plink_\w+$/);
  matches(link.url, /^https:\/\/buy\.stripe\.com\//);
  has(link, { object: 'payment_link', active: true, currency: 'usd' });
  const [item] = (await stripe.paymentLinks.listLineItems(link.id)).data;
  has(item, { object: 'item', quantity: 2, amount_total: 1000 });
  same(item.price.id, price.id);
  has(await stripe.paymentLinks.update(link.id, { active: false }), { active: false });
  await refused(
    stripe.paymentLinks.create({ line_items: [{ price: 'price_none', quantity: 1 }] }),
    errors.StripeInvalidRequestError,
    { code: 'resource_missing' },
  );
});

flow('a checkout session is paid on its page', async ({ stripe, sandbox }) => {
  const price = await priced(stripe, 700);
  const opened = await stripe.checkout.sessions.create({
    mode: 'payment',
    line_items: [{ price: price.id, quantity: 3 }],
    success_url: 'https://example.com/thanks',
  });
  matches(opened.id, /^cs_test_\w+$/);
  matches(opened.url, /^https:\/\/checkout\.stripe\.com\//);
  has(opened, {
    object: 'checkout.session',
    status: 'open',
    payment_status: 'unpaid',
    amount_total: 2100,
    currency: 'usd',
    payment_intent: null,
  });
  await sandbox.act(`checkout/sessions/${opened.id}/complete`);
  const done = await stripe.checkout.sessions.retrieve(opened.id, { expand: ['payment_intent', 'line_items'] });
  has(done, { status: 'complete', payment_status: 'paid', url: null });
  has(done.payment_intent, { status: 'succeeded', amount_received: 2100 });
  same(done.line_items.data[0].price.id, price.id);
  await refused(stripe.checkout.sessions.expire(opened.id), errors.StripeInvalidRequestError);

  const left = await stripe.checkout.sessions.create({
    mode: 'payment',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'https://example.com',
  });
  has(await stripe.checkout.sessions.expire(left.id), { status: 'expired', url: null });
  await refused(
    stripe.checkout.sessions.create({ mode: 'payment', success_url: 'https://example.com' }),
    errors.StripeInvalidRequestError,
    { code: 'parameter_missing' },
  );

  const monthly = await priced(stripe, 900, { interval: 'month' });
  const subscribing = await stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: monthly.id, quantity: 1 }],
    success_url: 'https://example.com',
  });
  await sandbox.act(`checkout/sessions/${subscribing.id}/complete`);
  const subscribed = await stripe.checkout.sessions.retrieve(subscribing.id, { expand: ['subscription', 'customer'] });
  has(subscribed, { status: 'complete', payment_status: 'paid' });
  has(subscribed.subscription, { object: 'subscription', status: 'active', customer: subscribed.customer.id });
});

flow('an invoice goes from draft over items to paid', async ({ stripe }) => {
  const customer = await payer(stripe);
  const draft = await stripe.invoices.create({ customer: customer.id, metadata: { order_id: '9' } });
  has(draft, {
    object: 'invoice',
    status: 'draft',
    amount_due: 0,
    number: null,
    customer: customer.id,
    collection_method: 'charge_automatically',
    metadata: { order_id: '9' },
  });
  const item = await stripe.invoiceItems.create({
    customer: customer.id,
    invoice: draft.id,
    amount: 9900,
    currency: 'usd',
    description: 'Services',
  });
  has(item, { object: 'invoiceitem', amount: 9900, invoice: draft.id, customer: customer.id });
  await stripe.invoiceItems.create({
    customer: customer.id,
    invoice: draft.id,
    amount: -900,
    currency: 'usd',
    description: 'Rebate',
  });
  const lines = await stripe.invoices.listLineItems(draft.id);
  same(
    lines.data.map(({ amount }) => amount).sort((a, b) => a - b),
    [-900, 9900],
  );
  const open = await stripe.invoices.finalizeInvoice(draft.id);
  has(open, { status: 'open', amount_due: 9000, amount_paid: 0, amount_remaining: 9000, total: 9000 });
  matches(open.hosted_invoice_url, /^https:\/\/invoice\.stripe\.com\//);
  matches(open.number, /^\w+-\d{4}$/);
  await refused(stripe.invoices.finalizeInvoice(draft.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  await refused(stripe.invoiceItems.del(item.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  const paid = await stripe.invoices.pay(draft.id, { expand: ['payments.data.payment.payment_intent'] });
  has(paid, { status: 'paid', amount_paid: 9000, amount_remaining: 0 });
  has(paid.payments.data[0].payment.payment_intent, { status: 'succeeded', amount: 9000, customer: customer.id });
  await refused(stripe.invoices.pay(draft.id), errors.StripeInvalidRequestError, { code: 'invoice_already_paid' });
  await refused(stripe.invoices.voidInvoice(draft.id), errors.StripeInvalidRequestError, { statusCode: 400 });
});

flow('an invoice is sent, voided, or deleted while it is a draft', async ({ stripe }) => {
  const customer = await stripe.customers.create({ email: 'sent@example.com' });
  const draft = () =>
    stripe.invoices.create({
      customer: customer.id,
      collection_method: 'send_invoice',
      days_until_due: 30,
      auto_advance: false,
    });
  const first = await draft();
  same(first.due_date, first.created + 30 * DAY);
  await stripe.invoiceItems.create({ customer: customer.id, invoice: first.id, amount: 5000, currency: 'usd' });
  has(await stripe.invoices.finalizeInvoice(first.id), { status: 'open', amount_due: 5000 });
  has(await stripe.invoices.sendInvoice(first.id), { status: 'open', customer_email: 'sent@example.com' });
  await refused(stripe.invoices.del(first.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  has(await stripe.invoices.voidInvoice(first.id), { status: 'void' });
  await refused(stripe.invoices.pay(first.id), errors.StripeInvalidRequestError, { statusCode: 400 });

  const second = await draft();
  has(await stripe.invoices.del(second.id), { id: second.id, object: 'invoice', deleted: true });
  await refused(stripe.invoices.retrieve(second.id), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
    statusCode: 404,
  });
  same(
    (await stripe.invoices.list({ customer: customer.id, status: 'void' })).data.map(({ id }) => id),
    [first.id],
  );
  same((await stripe.invoices.list({ customer: customer.id, status: 'open' })).data, []);
});

flow('pending invoice items wait for the next invoice', async ({ stripe }) => {
  const customer = await payer(stripe);
  const kept = await stripe.invoiceItems.create({ customer: customer.id, amount: 300, currency: 'usd' });
  has(kept, { invoice: null, amount: 300 });
  has(await stripe.invoiceItems.update(kept.id, { amount: 400, description: 'more' }), {
    amount: 400,
    description: 'more',
  });
  const dropped = await stripe.invoiceItems.create({ customer: customer.id, amount: 999, currency: 'usd' });
  has(await stripe.invoiceItems.del(dropped.id), { deleted: true });
  same(
    (await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data.map(({ id }) => id),
    [kept.id],
  );
  const without = await stripe.invoices.create({ customer: customer.id });
  same(without.lines.data, []);
  const including = await stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include' });
  has(including, { amount_due: 400 });
  same((await stripe.invoiceItems.retrieve(kept.id)).invoice, including.id);
  await refused(
    stripe.invoiceItems.create({ customer: 'cus_none', amount: 1, currency: 'usd' }),
    errors.StripeInvalidRequestError,
    { code: 'resource_missing', param: 'customer' },
  );
});

flow('a declined card leaves an invoice open', async ({ stripe }) => {
  const customer = await payer(stripe, 'pm_card_chargeCustomerFail');
  const invoice = await stripe.invoices.create({ customer: customer.id });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: invoice.id, amount: 800, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice.id);
  await refused(stripe.invoices.pay(invoice.id), errors.StripeCardError, { code: 'card_declined', statusCode: 402 });
  has(await stripe.invoices.retrieve(invoice.id), { status: 'open', attempted: true, amount_paid: 0 });
  has(await stripe.invoices.pay(invoice.id, { payment_method: 'pm_card_visa' }), { status: 'paid' });
});

flow('a subscription is billed, changed and canceled', async ({ stripe }) => {
  const customer = await payer(stripe);
  const basic = await priced(stripe, 1000, { interval: 'month' });
  const better = await priced(stripe, 2500, { interval: 'month' });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: basic.id, quantity: 2 }],
    metadata: { plan: 'basic' },
    expand: ['latest_invoice'],
  });
  matches(subscription.id, /^sub_\w+$/);
  has(subscription, {
    object: 'subscription',
    status: 'active',
    customer: customer.id,
    currency: 'usd',
    cancel_at_period_end: false,
  });
  has(subscription.latest_invoice, { status: 'paid', amount_paid: 2000, billing_reason: 'subscription_create' });
  const [item] = subscription.items.data;
  has(item, { object: 'subscription_item', quantity: 2, subscription: subscription.id });
  same(item.current_period_end - item.current_period_start, 31 * DAY);

  const changed = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: better.id }],
    proration_behavior: 'none',
  });
  same(
    changed.items.data.map(({ id, price }) => [id, price.id]),
    [[item.id, better.id]],
  );

  const ending = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  has(ending, { status: 'active', cancel_at_period_end: true, cancel_at: item.current_period_end });
  has(await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false }), {
    cancel_at_period_end: false,
    cancel_at: null,
  });

  has(await stripe.subscriptions.cancel(subscription.id), { id: subscription.id, status: 'canceled' });
  same((await stripe.subscriptions.list({ customer: customer.id })).data, []);
  same(
    (await stripe.subscriptions.list({ customer: customer.id, status: 'canceled' })).data.map(({ id }) => id),
    [subscription.id],
  );
  await refused(stripe.subscriptions.cancel(subscription.id), errors.StripeInvalidRequestError, {
    code: 'resource_missing',
    statusCode: 404,
  });
});

flow('a subscription begins with its trial, renews, and ends when it was to', async ({ stripe, sandbox }) => {
  const customer = await payer(stripe);
  const weekly = await priced(stripe, 1500, { interval: 'week' });
  const trying = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: weekly.id }],
    trial_period_days: 14,
    expand: ['latest_invoice'],
  });
  has(trying, { status: 'trialing', trial_start: trying.created, trial_end: trying.created + 14 * DAY });
  has(trying.latest_invoice, { status: 'paid', amount_due: 0 });

  await sandbox.act('clock', { advance: 14 * DAY + 60 });
  const active = await stripe.subscriptions.retrieve(trying.id, { expand: ['latest_invoice'] });
  has(active, { status: 'active' });
  has(active.latest_invoice, { amount_due: 1500, billing_reason: 'subscription_cycle' });

  await stripe.subscriptions.update(trying.id, { cancel_at_period_end: true });
  await sandbox.act('clock', { advance: 7 * DAY });
  has(await stripe.subscriptions.retrieve(trying.id), { status: 'canceled', ended_at: trying.created + 21 * DAY });
  const types = (await stripe.events.list({ types: ['customer.subscription.deleted'], limit: 1 })).data;
  same(types[0].data.object.id, trying.id);
});

flow('a subscription without a working card is incomplete', async ({ stripe }) => {
  const price = await priced(stripe, 1000, { interval: 'month' });
  const failing = await payer(stripe, 'pm_card_chargeCustomerFail');
  const subscription = await stripe.subscriptions.create({
    customer: failing.id,
    items: [{ price: price.id }],
    expand: ['latest_invoice'],
  });
  has(subscription, { status: 'incomplete' });
  has(subscription.latest_invoice, { status: 'open' });
  await stripe.invoices.pay(subscription.latest_invoice.id, { payment_method: 'pm_card_visa' });
  has(await stripe.subscriptions.retrieve(subscription.id), { status: 'active' });
  await refused(
    stripe.subscriptions.create({
      customer: failing.id,
      items: [{ price: price.id }],
      payment_behavior: 'error_if_incomplete',
    }),
    errors.StripeCardError,
    { code: 'card_declined', statusCode: 402 },
  );
  const once = await priced(stripe, 100);
  await refused(
    stripe.subscriptions.create({ customer: failing.id, items: [{ price: once.id }] }),
    errors.StripeInvalidRequestError,
    { statusCode: 400 },
  );
});
