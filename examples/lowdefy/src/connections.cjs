// What Lowdefy loads: connections by type.

'use strict';

const { listAll, listPage, stripeRequest } = require('./stripe.cjs');
const schema = require('./schema.cjs');

async function StripeRequest({ request, connection }) {
  return (await stripeRequest(connection, request)).body;
}
StripeRequest.schema = schema.request;

async function StripeListAll({ request: { resource, method, args, limit }, connection }) {
  return listAll(connection, resource, method, args, { limit });
}
StripeListAll.schema = schema.listAll;

async function StripeListPage({ request: { resource, method, args, cursor }, connection }) {
  return listPage(connection, resource, method, args, { cursor });
}
StripeListPage.schema = schema.listPage;

const requests = { StripeRequest, StripeListAll, StripeListPage };
for (const request of Object.values(requests)) request.meta = { checkRead: false, checkWrite: false };

module.exports = { Stripe: { schema: schema.connection, requests } };
