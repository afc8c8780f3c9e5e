// What Lowdefy loads: connections by type.

'use strict';

const { stripeRequest } = require('./stripe.cjs');
const schema = require('./schema.cjs');

async function StripeRequest({ request, connection }) {
  return (await stripeRequest(connection, request)).body;
}
StripeRequest.schema = schema.request;
StripeRequest.meta = { checkRead: false, checkWrite: false };

module.exports = { Stripe: { schema: schema.connection, requests: { StripeRequest } } };
