// The JSON bodies of API v2, and the queries beside them.

import { differs, of, refused } from './of.mjs';

const ascii = JSON.stringify(String.fromCharCode(...Array.from({ length: 128 }, (_, at) => at)));

/** A body that arrives with the digits it was written with. */
const number = (text) => [`[{"amount":${text}}]`, differs('number-text', { body: `{"amount":${text}}` })];

export default [
  ...of('v2.core.accounts.create', {
    'no-arguments': '[]',
    'null': '[null]',
    'empty-object': '[{}]',
    'unset': '[{"display_name":null,"contact_email":"","configuration":{"customer":null},"include":[null,""]}]',
    'empty-containers': '[{"a":[],"b":{},"c":[[],{}]}]',
    'order': '[{"z":1,"a":{"z":1,"b":2},"m":[{"y":1,"x":2}]}]',
    'ascii': `[{"display_name":${ascii}}]`,
    'unicode': String.raw`[{"display_name":"größe 注文 👍 e\u0301 \u0080\u00a0\u2028\u2029\ufeff\uffff"}]`,
    'escapes': String.raw`[{"display_name":"\u00e9\/\u0041\ud83d\udc4d","\u006bey":"\u006bey"}]`,
    'keys': String.raw`[{"a b":1,"a[b]":2,"größe":3,"":4,"a\"b\\c":5,"a\nb":6}]`,
    'key-of-prototypes': ['[{"a":1,"__proto__":2}]', differs('key-of-prototypes', { body: '{"a":1,"__proto__":2}' })],
    'spaces-in-json': '[ { "a" : [ 1 , 2 ] ,\t"b" : { } } ]',
    'numbers': '[{"a":0,"b":-1,"c":9007199254740991,"d":0.1,"e":1e-7,"f":true}]',
    'number-beyond-2-53': number('9007199254740993'),
    'number-with-point-zero': number('1.0'),
    'number-with-exponent': '[{"amount":1e3}]',
    'integer-keys': ['[{"metadata":{"b":"1","2":"2","1":"3"}}]', differs('key-order', { body: '{"metadata":{"b":"1","2":"2","1":"3"}}' })],
    'lone-surrogate': [String.raw`[{"display_name":"\ud83d"}]`, refused('lone-surrogate')],
    'key-twice': ['[{"a":1,"a":2}]', refused('key-twice')],
    'context': '[{},{"stripeContext":"workspace_1/acct_2","idempotencyKey":"order-4242"}]',
  }),
  ...of('v2.core.accounts.list', {
    'page': '[{"limit":20,"applied_configurations":["customer","merchant"],"page":"page/2?a=b"}]',
    'nothing': '[]',
  }),
  ...of('v2.core.accounts.persons.del', {
    'ids': '["acct/1","person 1"]',
    'own-key': '["acct_1","person_1",{},{"idempotencyKey":"order-4242"}]',
  }),
  ...of('v2.billing.meterEventStream.create', {
    'events': '[{"events":[{"event_name":"api_requests","payload":{"stripe_customer_id":"cus_1","value":"25"},"identifier":"e-1"}]}]',
  }),
];
