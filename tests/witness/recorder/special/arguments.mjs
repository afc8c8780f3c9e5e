// What stands at which position: ids, params, options, nothing, or too much.

import { differs, of, refused } from './of.mjs';

const sent = (path) => `https://api.stripe.com/v1/${path}`;

export default [
  ...of('customers.retrieve', {
    'id-of-reserved-characters': String.raw`["!*'()[]&=+ %/?#:;,@$\"<>\\^${'`'}{}|~-_."]`,
    'id-of-control-characters': String.raw`["a\u0000b\u001f\u007f\n\r\t"]`,
    'id-of-unicode': '["größe 注文 👍 e\u0301"]',
    'id-like-a-path': '["../charges/ch_1"]',
    'id-like-an-escaped-path': '["%2e%2e%2fcharges"]',
    'id-of-three-dots': '["..."]',
    'id-with-dots': '["cus.1.."]',
    'id-like-a-query': '["cus_1?expand[]=sources#top"]',
    'id-as-number': '[1234567890]',
    'id-as-large-number': ['[9007199254740993]', differs('number-text', { url: sent('customers/9007199254740993') })],
    'id-with-lone-surrogate': String.raw`["cus_\ud83d"]`,
    'id-empty': ['[""]', refused('path-id')],
    'id-dot': ['["."]', refused('path-id')],
    'id-dot-dot': ['[".."]', refused('path-id')],
    'id-missing': ['[]', refused('path-id')],
    'id-null': ['[null]', refused('path-id')],
    'id-true': ['[true]', refused('path-id')],
    'id-list': ['[["cus_1"]]', refused('path-id')],
    'params-without-id': ['[{"expand":["sources"]}]', refused('path-id')],
    'null-params': '["cus_1",null]',
    'null-params-and-options': '["cus_1",null,{"stripeAccount":"acct_1"}]',
    'options-for-params': [
      '["cus_1",{"stripeAccount":"acct_1"}]',
      differs('options-for-params', { url: sent('customers/cus_1'), headers: { 'stripe-account': 'acct_1' } }),
    ],
    'surplus-null': '["cus_1",{},{},null]',
    'surplus-argument': ['["cus_1",{},{},"more"]', refused('argument')],
    'surplus-id': ['["cus_1","cus_2"]', refused('argument')],
  }),
  ...of('accounts.updatePerson', {
    'two-ids': '["acct/1","person 1",{"email":"jenny@example.com"}]',
    'second-id-missing': ['["acct_1"]', refused('path-id')],
    'second-id-empty': ['["acct_1",""]', refused('path-id')],
    'params-for-second-id': ['["acct_1",{"email":"jenny@example.com"}]', refused('path-id')],
  }),
  ...of('accounts.retrieve', {
    'nothing': '[]',
    'null': '[null]',
    'null-with-params': '[null,{"expand":["settings"]}]',
    'null-with-options': '[null,null,{"stripeAccount":"acct_1"}]',
    'id': '["acct_1",{"expand":["settings"]},{"apiVersion":"2024-06-20"}]',
    'id-as-number': ['[42]', differs('account-as-number', { url: sent('accounts/42') })],
    'params-without-id': ['[{"expand":["settings"]}]', refused('path-id')],
    'id-empty': ['[""]', refused('path-id')],
  }),
  ...of('account.retrieve', {
    'null': '[null]',
    'id': '["acct_1"]',
  }),
  ...of('customers.create', {
    'options-for-params': [
      '[{"idempotencyKey":"order-4242","stripeAccount":"acct_1"}]',
      differs('options-for-params', { body: '', headers: { 'idempotency-key': 'order-4242', 'stripe-account': 'acct_1' } }),
    ],
    'options-among-params': '[{"email":"jenny@example.com","idempotencyKey":"order-4242"}]',
    'options-for-params-then-options': '[{"stripeAccount":"acct_1"},{"idempotencyKey":"order-4242"}]',
    'options-for-params-then-null': '[{"stripeAccount":"acct_1"},null]',
    'params-text': ['["jenny"]', refused('argument')],
    'params-list': ['[["jenny"]]', refused('argument')],
    'params-true': ['[true]', refused('argument')],
    'options-text': ['[{},"sk_test_anotherkey000009999"]', refused('argument')],
    'options-list': ['[{},[]]', refused('argument')],
    'options-true': ['[{},true]', refused('argument')],
  }),
];
