// Money: payment intents, test cards, refunds, the balance and payouts.

import { flow, has, matches, refused, same } from '../flows.mjs';
import { errors } from './client.mjs';

const CARD = {
  amount: 2000,
  currency: 'usd',
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
};

const sum = (objects, field) => objects.reduce((total, object) => total + object[field], 0);
const all = (list) => list.autoPagingToArray({ limit: 10_000 });

flow('a payment intent is created, confirmed and paid', async ({ stripe }) => {
  const created = await stripe.paymentIntents.create({ ...CARD, metadata: { order: '17' } });
  matches(created.id, /^pi_\w+$/);
  matches(created.client_secret, new RegExp(`^${created.id}_secret_\\w+$`));
  has(created, {
    object: 'payment_intent',
    status: 'requires_payment_method',
    amount: 2000,
    currency: 'usd',
    amount_received: 0,
    metadata: { order: '17' },
  });
  await refused(stripe.paymentIntents.confirm(created.id), errors.StripeInvalidRequestError, {
    code: 'payment_intent_unexpected_state',
  });

  const chosen = await stripe.paymentIntents.update(created.id, { payment_method: 'pm_card_visa' });
  has(chosen, { status: 'requires_confirmation' });
  const paid = await stripe.paymentIntents.confirm(created.id, { expand: ['latest_charge', 'payment_method'] });
  has(paid, { status: 'succeeded', amount_received: 2000, next_action: null, last_payment_error: null });
  has(paid.payment_method.card, { brand: 'visa', last4: '4242' });
  has(paid.latest_charge, {
    object: 'charge',
    status: 'succeeded',
    paid: true,
    captured: true,
    amount: 2000,
    refunded: false,
    payment_intent: created.id,
  });
  has(await stripe.paymentIntents.retrieve(created.id), { status: 'succeeded' });
  has(await stripe.charges.retrieve(paid.latest_charge.id), { amount_captured: 2000 });

  const other = await stripe.paymentIntents.create({
    ...CARD,
    payment_method: 'pm_card_mastercard',
    confirm: true,
    expand: ['latest_charge'],
  });
  has(other, { status: 'succeeded' });
  has(other.latest_charge.payment_method_details.card, { brand: 'mastercard', last4: '4444' });
  await refused(stripe.paymentIntents.update(other.id, { amount: 1 }), errors.StripeInvalidRequestError);
  await refused(stripe.paymentIntents.confirm(other.id), errors.StripeInvalidRequestError, {
    code: 'payment_intent_unexpected_state',
    statusCode: 400,
  });
});

flow('a declined card is a card error, and the intent asks for another', async ({ stripe }) => {
  const declines = [
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
  ];
  for (const [payment_method, code, decline_code] of declines) {
    const { id } = await stripe.paymentIntents.create(CARD);
    const error = await refused(stripe.paymentIntents.confirm(id, { payment_method }), errors.StripeCardError, {
      code,
      decline_code,
      statusCode: 402,
      rawType: 'card_error',
      type: 'StripeCardError',
    });
    matches(error.requestId, /^req_/);
    matches(error.doc_url, new RegExp(`#${code.replaceAll('_', '-')}$`));
    has(error.payment_intent, { id, status: 'requires_payment_method' });
    same(error.payment_intent.last_payment_error.decline_code, decline_code);
    const charge = await stripe.charges.retrieve(error.charge);
    has(charge, { status: 'failed', paid: false, failure_code: code, balance_transaction: null });
    has(await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }), { status: 'succeeded' });
  }
});

flow('a card that needs its holder waits for them', async ({ stripe, sandbox }) => {
  const asked = () =>
    stripe.paymentIntents.create({ ...CARD, payment_method: 'pm_card_authenticationRequired', confirm: true });
  const waiting = await asked();
  has(waiting, { status: 'requires_action', amount_received: 0, latest_charge: null });
  same(waiting.next_action.type, 'use_stripe_sdk');
  await sandbox.act(`payment_intents/${waiting.id}/authenticate`);
  has(await stripe.paymentIntents.retrieve(waiting.id), {
    status: 'succeeded',
    amount_received: 2000,
    next_action: null,
  });

  const { id } = await asked();
  await sandbox.act(`payment_intents/${id}/authenticate`, { outcome: 'failed' });
  const failed = await stripe.paymentIntents.retrieve(id);
  has(failed, { status: 'requires_payment_method' });
  same(failed.last_payment_error.code, 'payment_intent_authentication_failure');

  // With nobody there to ask, it is a decline.
  await refused(
    stripe.paymentIntents.create({
      ...CARD,
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      off_session: true,
    }),
    errors.StripeCardError,
    { code: 'authentication_required', decline_code: 'authentication_required', statusCode: 402 },
  );
});

flow('an authorized payment is captured in part', async ({ stripe }) => {
  const held = await stripe.paymentIntents.create({
    ...CARD,
    capture_method: 'manual',
    payment_method: 'pm_card_visa',
    confirm: true,
  });
  has(held, { status: 'requires_capture', amount_capturable: 2000, amount_received: 0 });
  await refused(stripe.paymentIntents.capture(held.id, { amount_to_capture: 2001 }), errors.StripeInvalidRequestError, {
    param: 'amount_to_capture',
    statusCode: 400,
  });
  await refused(stripe.refunds.create({ payment_intent: held.id }), errors.StripeInvalidRequestError, {
    statusCode: 400,
  });
  const captured = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 1500, expand: ['latest_charge'] });
  has(captured, { status: 'succeeded', amount: 2000, amount_capturable: 0, amount_received: 1500 });
  has(captured.latest_charge, { captured: true, amount_captured: 1500, amount_refunded: 500 });
  await refused(stripe.paymentIntents.capture(held.id), errors.StripeInvalidRequestError, {
    code: 'payment_intent_unexpected_state',
  });
});

flow('a payment intent is canceled, and stays so', async ({ stripe }) => {
  const { id } = await stripe.paymentIntents.create(CARD);
  has(await stripe.paymentIntents.cancel(id, { cancellation_reason: 'requested_by_customer' }), {
    status: 'canceled',
    cancellation_reason: 'requested_by_customer',
  });
  await refused(stripe.paymentIntents.cancel(id), errors.StripeInvalidRequestError, {
    code: 'payment_intent_unexpected_state',
  });
  await refused(
    stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }),
    errors.StripeInvalidRequestError,
    { code: 'payment_intent_unexpected_state' },
  );

  const held = await stripe.paymentIntents.create({
    ...CARD,
    capture_method: 'manual',
    payment_method: 'pm_card_visa',
    confirm: true,
  });
  const released = await stripe.paymentIntents.cancel(held.id, { expand: ['latest_charge'] });
  has(released, { status: 'canceled', amount_capturable: 0, amount_received: 0 });
  has(released.latest_charge, { captured: false, refunded: true, amount_captured: 0 });
});

flow('refunds give back in parts, never more than was taken', async ({ stripe }) => {
  const intent = await stripe.paymentIntents.create({ ...CARD, payment_method: 'pm_card_visa', confirm: true });
  const part = await stripe.refunds.create({ payment_intent: intent.id, amount: 500, reason: 'requested_by_customer' });
  matches(part.id, /^re_\w+$/);
  has(part, {
    object: 'refund',
    amount: 500,
    currency: 'usd',
    status: 'succeeded',
    payment_intent: intent.id,
    charge: intent.latest_charge,
    reason: 'requested_by_customer',
  });
  has(await stripe.charges.retrieve(intent.latest_charge), { amount_refunded: 500, refunded: false });
  await refused(stripe.refunds.create({ payment_intent: intent.id, amount: 1501 }), errors.StripeInvalidRequestError, {
    param: 'amount',
    statusCode: 400,
  });
  has(await stripe.refunds.create({ charge: intent.latest_charge }), { amount: 1500 });
  has(await stripe.charges.retrieve(intent.latest_charge), { amount_refunded: 2000, refunded: true });
  await refused(stripe.refunds.create({ charge: intent.latest_charge }), errors.StripeInvalidRequestError, {
    code: 'charge_already_refunded',
  });
  same(
    (await stripe.refunds.list({ payment_intent: intent.id })).data.map(({ amount }) => amount),
    [1500, 500],
  );
  has(await stripe.refunds.retrieve(part.id), { id: part.id, amount: 500 });
  await refused(stripe.refunds.create({}), errors.StripeInvalidRequestError, { statusCode: 400 });
});

flow('a charge is made with a token, as older integrations do', async ({ stripe }) => {
  const charge = await stripe.charges.create({
    amount: 1500,
    currency: 'usd',
    source: 'tok_visa',
    description: 'legacy',
  });
  has(charge, { object: 'charge', amount: 1500, status: 'succeeded', paid: true, description: 'legacy' });
  await refused(
    stripe.charges.create({ amount: 1500, currency: 'usd', source: 'tok_chargeDeclined' }),
    errors.StripeCardError,
    { code: 'card_declined', statusCode: 402 },
  );
  const held = await stripe.charges.create({ amount: 1500, currency: 'usd', source: 'tok_visa', capture: false });
  has(held, { captured: false, balance_transaction: null });
  has(await stripe.charges.capture(held.id, { amount: 1000 }), { captured: true, amount_captured: 1000 });
});

flow('a payout takes what is available and no more', async ({ stripe, sandbox }) => {
  await stripe.paymentIntents.create({
    ...CARD,
    amount: 50_000,
    payment_method: 'pm_card_bypassPending',
    confirm: true,
  });
  const usd = async () => (await stripe.balance.retrieve()).available.find(({ currency }) => currency === 'usd').amount;
  const before = await usd();
  const payout = await stripe.payouts.create({ amount: 10_000, currency: 'usd' });
  has(payout, {
    object: 'payout',
    amount: 10_000,
    currency: 'usd',
    status: 'pending',
    method: 'standard',
    automatic: false,
  });
  same(await usd(), before - 10_000);
  await refused(stripe.payouts.create({ amount: before, currency: 'usd' }), errors.StripeInvalidRequestError, {
    code: 'balance_insufficient',
    statusCode: 400,
  });

  const other = await stripe.payouts.create({ amount: 1000, currency: 'usd' });
  has(await stripe.payouts.cancel(other.id), { status: 'canceled' });
  same(await usd(), before - 10_000);
  await refused(stripe.payouts.cancel(other.id), errors.StripeInvalidRequestError);

  await sandbox.act('clock', { advance: 3 * 86_400 });
  has(await stripe.payouts.retrieve(payout.id), { status: 'paid' });
  same(
    (await stripe.payouts.list({ status: 'paid' })).data.map(({ id }) => id),
    [payout.id],
  );
  await refused(stripe.payouts.cancel(payout.id), errors.StripeInvalidRequestError);
});

// After all the others, so that it adds up everything they did.
flow('the balance is the sum of its transactions, and they of what happened', async ({ stripe }) => {
  const booked = await all(stripe.balanceTransactions.list({ limit: 100 }));
  same(
    booked.every(({ amount, fee, net }) => net === amount - fee),
    true,
  );
  same(
    booked.every(({ fee, fee_details }) => fee === sum(fee_details, 'amount')),
    true,
  );
  const balance = await stripe.balance.retrieve();
  same(balance.object, 'balance');
  const { currency, amount: available } = balance.available[0];
  const { amount: pending } = balance.pending[0];
  same(sum(booked, 'net'), available + pending);

  const charges = (await all(stripe.charges.list({ limit: 100 }))).filter(
    ({ status, captured }) => status === 'succeeded' && captured,
  );
  const refunds = await all(stripe.refunds.list({ limit: 100 }));
  const payouts = (await all(stripe.payouts.list({ limit: 100 }))).filter(({ status }) => status !== 'canceled');
  same(
    [...charges, ...refunds, ...payouts].every((object) => object.currency === currency),
    true,
  );
  // What was authorized only, or captured in part, is released and moves no money.
  const moved = refunds.filter(({ balance_transaction }) => balance_transaction);
  same(
    available + pending,
    sum(charges, 'amount_captured') - sum(booked, 'fee') - sum(moved, 'amount') - sum(payouts, 'amount'),
  );

  const ofType = (type) => booked.filter((entry) => entry.type === type);
  same(ofType('charge').length, charges.length);
  same(ofType('refund').length, moved.length);
  same((await all(stripe.balanceTransactions.list({ type: 'payout', limit: 100 }))).length, ofType('payout').length);
});
