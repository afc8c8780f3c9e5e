// Options of a call, headers that a caller sets, and what the connection says
// where the call does not.

import { differs, of, over, refused } from './of.mjs';

const ACCOUNT = { stripeAccount: 'acct_connection' };
const CONTEXT = { stripeContext: 'workspace_connection/acct_1' };
const VERSION = { apiVersion: '2020-08-27' };

export default [
  ...of('customers.create', {
    'option-key': '[{},{"idempotencyKey":"order 4242/~"}]',
    'option-key-in-latin-1': ['[{},{"idempotencyKey":"größe"}]', refused('header')],
    'option-key-of-255': `[{},{"idempotencyKey":"${'k'.repeat(255)}"}]`,
    'option-key-of-256': [`[{},{"idempotencyKey":"${'k'.repeat(256)}"}]`, refused('long-idempotency-key')],
    'option-api-key': '[{},{"apiKey":"rk_test_anotherkey000009999"}]',
    'option-account-and-context': '[{},{"stripeAccount":"acct_1","stripeContext":"acct_2"}]',
    'options-null': '[{},{"apiVersion":null,"headers":null,"timeout":null,"maxNetworkRetries":null}]',
    'option-key-null': ['[{},{"idempotencyKey":null}]', refused('option')],
    'option-account-null': ['[{},{"stripeAccount":null}]', refused('option')],
    'options-of-the-transport': '[{},{"maxNetworkRetries":0,"timeout":1000}]',
    'option-for-another-method': '[{},{"express":true}]',
    'option-empty-key': ['[{},{"idempotencyKey":""}]', refused('option')],
    'option-empty-account': ['[{},{"stripeAccount":""}]', refused('option')],
    'option-unknown': ['[{},{"idempotency_key":"order-4242"}]', refused('option')],
    'option-streaming': ['[{},{"streaming":true}]', refused('option')],
    'option-authenticator': '[{},{"authenticator":"x"}]',
    'option-of-wrong-type': ['[{},{"timeout":"1000"}]', refused('option')],
    'option-key-as-number': ['[{},{"idempotencyKey":4242}]', refused('option')],
    'option-of-negative-retries': ['[{},{"maxNetworkRetries":-1}]', refused('option')],
    'option-api-base': [
      '[{"email":"jenny@example.com"},{"apiBase":"files"}]',
      differs('api-base', { url: 'https://files.stripe.com/v1/customers' }),
    ],
    'option-additional-headers': [
      '[{},{"additionalHeaders":{"X-Shop":"blue"}}]',
      differs('additional-headers', { headers: { 'x-shop': 'blue' } }),
    ],
    'headers-added': '[{},{"headers":{"X-Shop":"blue shirt","x-count":3,"X-EMPTY":"","X-Mixed-cAsE":"a,b;c=\\"d\\""}}]',
    'headers-replaced': '[{},{"headers":{"accept":"text/plain","STRIPE-VERSION":"2020-08-27","idempotency-key":"order-4242","Stripe-account":"acct_1"}}]',
    'headers-of-the-body': ['[{},{"headers":{"Content-Type":"application/json"}}]', refused('header')],
    'headers-over-options': '[{},{"idempotencyKey":"option","stripeAccount":"acct_option","headers":{"Idempotency-Key":"header","stripe-account":"acct_header"}}]',
    'headers-with-newline': String.raw`[{},{"headers":{"X-Shop":"a\r\nAuthorization: b"}}]`,
    'headers-with-bad-name': '[{},{"headers":{"X Shop":"a"}}]',
    'headers-beyond-latin-1': '[{},{"headers":{"X-Shop":"注文"}}]',
    'headers-in-latin-1': ['[{},{"headers":{"X-Shop":"größe"}}]', refused('header')],
    'headers-with-space-around': ['[{},{"headers":{"X-Shop":" a "}}]', refused('header')],
    'headers-with-tab': [String.raw`[{},{"headers":{"X-Shop":"a\tb"}}]`, refused('header')],
    'headers-of-null': ['[{},{"headers":{"X-Shop":null}}]', differs('null-header', { headers: { 'x-shop': null } })],
    'headers-of-true': ['[{},{"headers":{"X-Shop":true}}]', refused('header')],
    'headers-authorization': ['[{},{"headers":{"authorization":"Bearer sk_test_anotherkey000009999"}}]', refused('header')],
    'headers-host': ['[{},{"headers":{"Host":"evil.example"}}]', refused('header')],
    'option-in-latin-1': ['[{},{"stripeAccount":"größe"}]', refused('header')],
    'connection-version': ['[{}]', over(VERSION)],
    'connection-version-and-option': ['[{},{"apiVersion":"2024-06-20"}]', over(VERSION)],
    'connection-account': ['[{}]', over(ACCOUNT)],
    'connection-account-and-option': ['[{},{"stripeAccount":"acct_call"}]', over(ACCOUNT)],
    'connection-account-and-context': [
      '[{},{"stripeContext":"workspace_call"}]', over(ACCOUNT), refused('account-and-context'),
    ],
    'connection-context': ['[{}]', over(CONTEXT)],
    'connection-context-and-option': ['[{},{"stripeContext":"workspace_call"}]', over(CONTEXT)],
  }),
  ...of('customers.list', {
    'option-key': '[{},{"idempotencyKey":"order-4242"}]',
    'connection-all': ['[{"limit":3}]', over({ ...VERSION, ...ACCOUNT })],
  }),
  ...of('v2.core.accounts.create', {
    'option-version': '[{},{"apiVersion":"2025-09-30.clover"}]',
    'connection-version': ['[{}]', over(VERSION)],
    'connection-context': ['[{}]', over(CONTEXT)],
  }),
  ...of('ephemeralKeys.create', {
    'option-version': '[{"customer":"cus_1"},{"apiVersion":"2024-06-20"}]',
    'header-version': '[{"customer":"cus_1"},{"headers":{"Stripe-Version":"2024-06-20"}}]',
    'header-version-in-lower-case': [
      '[{"customer":"cus_1"},{"headers":{"stripe-version":"2024-06-20"}}]',
      differs('version-header', {
        method: 'POST',
        url: 'https://api.stripe.com/v1/ephemeral_keys',
        headers: {
          accept: 'application/json',
          authorization: 'Bearer sk_test_…4242',
          'content-type': 'application/x-www-form-urlencoded',
          'idempotency-key': '<generated>',
          'stripe-version': '2024-06-20',
        },
        body: 'customer=cus_1',
      }),
    ],
    'no-version': '[{"customer":"cus_1"}]',
    'version-for-params': '[{"customer":"cus_1","apiVersion":"2024-06-20"}]',
    'connection-version': ['[{"customer":"cus_1"}]', over(VERSION)],
  }),
];
