// A Restate service that holds stripe.wasm: Restate keeps what each step answered and
// runs a step again after a crash, the component makes the call.
//
//   STRIPE_SECRET_KEY=sk_test_… node service.mjs [PORT]

import * as restate from '@restatedev/restate-sdk';
import { constructEvent, listAll, listPage, request, StripeError } from 'lowdefy-stripe-wasm';
import { argv, env } from 'node:process';
import { fileURLToPath } from 'node:url';

/** How long a call is repeated: Stripe may forget an idempotency key after a day, and
 * what runs again behind that could pay twice. */
const HOURS = 20;
export const RETRIES = { maxRetryDuration: { hours: HOURS }, maxRetryInterval: { minutes: 1 } };

/** What Restate must not run again, such as a component that stopped, or an input of
 * another form: it would end so each time. Anything else it does, with longer and longer
 * waits. */
export function asTerminalError(error) {
  if (error instanceof TypeError) return new restate.TerminalError(error.message, { errorCode: 400 });
  if (!(error instanceof StripeError) || error.case === 'transient') return undefined;
  const { type, code = '', status, attempts } = error;
  // A caller takes one below 400 for an answer; nothing was sent is a refusal.
  const errorCode = status >= 400 ? status : attempts === 0 ? 400 : 500;
  return new restate.TerminalError(error.message, { errorCode, metadata: { type, code } });
}

/** A call as a step, which is not begun when that time is over either: a service may
 * have been down since. */
async function step(ctx, name, call, retries) {
  const begun = await ctx.date.now(); // kept by Restate: the same however often this runs
  return ctx.run(name, async () => {
    if (Date.now() - begun < HOURS * 3_600_000) return (await call()).body;
    throw new restate.TerminalError(`This call began more than ${HOURS} hours ago, and Stripe may have forgotten its key: it was not repeated. Look for it at Stripe before it is made again.`);
  }, retries);
}

/**
 * @param {string} name the service's, in Restate
 * @param {object} connection its properties. They are the service's own: parameters of
 *   an invocation are kept by Restate, and a key must not be
 * @param {object} [retries] `RunOptions` of Restate; a payment needs a `maxRetryDuration`
 *   of less than a day
 */
export function stripeService(name, connection, retries = RETRIES) {
  return restate.service({
    name,
    options: { asTerminalError },
    handlers: {
      /** Any method. A call that writes needs an `idempotencyKey` among its options: a
       * step that a crash cut short writes again otherwise. */
      request: (ctx, input) => {
        const { resource, method, args } = input ?? {};
        return step(ctx, `${resource}.${method}`, () => request(connection, resource, method, args), retries);
      },

      /** A payment. The key comes from the invocation, so a step that a crash cut short,
       * perhaps behind Stripe's answer, finds the payment that it made. */
      pay: (ctx, params) => {
        const args = [params ?? {}, { idempotencyKey: `restate-${ctx.request().id}` }];
        return step(ctx, 'pay', () => request(connection, 'paymentIntents', 'create', args), retries);
      },

      listAll: (ctx, input) => {
        const { resource, method, args, limit } = input ?? {};
        return ctx.run('list-all', () => listAll(connection, resource, method, args, { limit }), retries);
      },
      listPage: (ctx, input) => {
        const { resource, method, args, cursor } = input ?? {};
        return ctx.run('list-page', () => listPage(connection, resource, method, args, { cursor }), retries);
      },

      /** Of an endpoint that gives deliveries to Restate. */
      constructEvent: (ctx, input) => {
        const { payload, signature, receivedAt } = input ?? {};
        return ctx.run('construct-event', () => constructEvent(payload, signature, connection.webhookSecrets, { receivedAt }), retries);
      },
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
