// Methods that the client of 2023 (stripe 13.6.0, API 2023-08-16) had and the
// current one lacks. Stripe took them out of later API versions, but a connection
// may pin an older version, and workflows written for connectors of that time
// call them. The current package says nothing about them, so they stand here;
// verbs and paths were compared with 13.6.0.

/** In the shape of operations.mjs. */
export const legacyOperations = [
  { name: 'invoices.listUpcomingLines', verb: 'GET', path: '/v1/invoices/upcoming/lines', methodType: 'list' },
  { name: 'invoices.retrieveUpcoming', verb: 'GET', path: '/v1/invoices/upcoming' },
  { name: 'subscriptionItems.createUsageRecord', verb: 'POST', path: '/v1/subscription_items/{id}/usage_records' },
  {
    name: 'subscriptionItems.listUsageRecordSummaries',
    verb: 'GET',
    path: '/v1/subscription_items/{id}/usage_record_summaries',
    methodType: 'list',
  },
].map((operation) => ({ ...operation, legacy: true }));
