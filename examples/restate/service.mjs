// A Restate service that holds stripe.wasm: Restate keeps what each step answered and
// runs a step again after a crash, the component makes the call.
//
//   STRIPE_SECRET_KEY=sk_test_… node service.mjs [PORT]

import * as restate from '@restatedev/restate-sdk';
import { constructEvent, listAll, listPage, request, StripeError } from 'lowdefy-stripe-wasm';
import { argv, env } from 'node:process';
import { fileURLToPath } from 'node:url';

/** What Restate must not run again, such as a component that stopped: it would each
 * time. Anything else it does, with longer and longer waits. */
export function asTerminalError(error) {
  if (!(error instanceof StripeError) || error.case === 'transient') return undefined;
  const { type, code = '', status, attempts } = error;
  // A caller takes one below 400 for an answer; nothing was sent is a refusal.
  const errorCode = status >= 400 ? status : attempts === 0 ? 400 : 500;
  return new restate.TerminalError(error.message, { errorCode, metadata: { type, code } });
}

/**
 * @param {string} name the service's, in Restate
 * @param {object} connection its properties. They are the service's own: parameters of
 *   an invocation are kept by Restate, and a key must not be
 * @param {object} [retries] `RunOptions` of Restate
 */
export function stripeService(name, connection, retries) {
  return restate.service({
    name,
    options: { asTerminalError },
    handlers: {
      /** Any method. A call that writes needs an `idempotencyKey` among its options: a
       * step that a crash cut short writes again otherwise. */
      request: (ctx, { resource, method, args } = {}) =>
        ctx.run(`${resource}.${method}`, async () => (await request(connection, resource, method, args)).body, retries),

      /** A payment. The key comes from the invocation, so a step that a crash cut short,
       * perhaps behind Stripe's answer, finds the payment that it made. */
      pay: (ctx, params = {}) => {
        const args = [params, { idempotencyKey: `restate-${ctx.request().id}` }];
        return ctx.run('pay', async () => (await request(connection, 'paymentIntents', 'create', args)).body, retries);
      },

      listAll: (ctx, { resource, method, args, limit } = {}) =>
        ctx.run('list-all', () => listAll(connection, resource, method, args, { limit }), retries),
      listPage: (ctx, { resource, method, args, cursor } = {}) =>
        ctx.run('list-page', () => listPage(connection, resource, method, args, { cursor }), retries),

      /** Of an endpoint that gives deliveries to Restate. */
      constructEvent: (ctx, { payload, signature, receivedAt } = {}) =>
        ctx.run('construct-event', () => constructEvent(payload, signature, connection.webhookSecrets, { receivedAt }), retries),
    },
  });
}

/** Listens where Restate finds the services once they are registered. */
export function serve(services, port, options = {}) {
  return restate.serve({ services, port, ...options });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_BASE_URL } = env;
  const connection = {
    secretKey: STRIPE_SECRET_KEY,
    ...(STRIPE_WEBHOOK_SECRET && { webhookSecrets: [STRIPE_WEBHOOK_SECRET] }),
    ...(STRIPE_BASE_URL && { baseUrl: STRIPE_BASE_URL }),
  };
  await serve([stripeService('stripe', connection)], Number(argv[2] ?? 9080));
}
