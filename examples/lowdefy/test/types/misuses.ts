// What `tsc` must refuse: a line that it accepts is an error (TS2578). Nothing here runs.

import * as stripe from 'lowdefy-stripe-wasm';
import { constructEvent, listAll, listPage, request } from 'lowdefy-stripe-wasm';
import { Stripe } from 'lowdefy-stripe-wasm/connections';

const connection = { secretKey: 'sk_test_…' };
declare const error: stripe.StripeError;
declare const response: stripe.StripeResponse<{ id: string }>;

// @ts-expect-error A key is text.
request({ secretKey: 42 }, 'balance', 'retrieve');
// @ts-expect-error A connection is an object.
request('sk_test_…', 'balance', 'retrieve');
// @ts-expect-error There is no call without a method.
request(connection, 'balance');
// @ts-expect-error What ends a call is a signal, not its controller.
request(connection, 'balance', 'retrieve', null, { signal: new AbortController() });
// @ts-expect-error Options that do not exist are refused, since a lost one charges twice.
request(connection, 'paymentIntents', 'create', null, { idempotencyKey: 'a' });
// @ts-expect-error Nothing is walked without a limit.
listAll(connection, 'customers', 'list', null);
// @ts-expect-error A limit is a number.
listAll(connection, 'customers', 'list', null, { limit: '100' });
// @ts-expect-error A cursor is text.
listPage(connection, 'customers', 'list', null, { cursor: { starting_after: 'cus_1' } });
// @ts-expect-error What is signed is the body, not what was parsed.
constructEvent({ id: 'evt_1' }, 't=1,v1=0', 'whsec_…');
// @ts-expect-error Without a secret nothing is verified.
constructEvent('{}', 't=1,v1=0');
// @ts-expect-error There may be no status, such as where nothing is sent.
response.status.toFixed();
// @ts-expect-error The body has the type that was said.
response.body.email;
// @ts-expect-error There are three cases, and none of that name.
error.case === 'temporary';
// @ts-expect-error There may be no code.
error.code.length;
// @ts-expect-error The pool is not for others.
stripe.Pool;
// @ts-expect-error A list that is not named cannot be read.
Stripe.requests.StripeListAll({ connection, request: { limit: 10 } });
