// The form encoding of API v1: what becomes of containers, of keys and texts that
// need escaping, and of numbers that JavaScript cannot hold.

import { differs, of, refused } from './of.mjs';

const ascii = JSON.stringify(String.fromCharCode(...Array.from({ length: 128 }, (_, at) => at)));
const latin = JSON.stringify(String.fromCharCode(...Array.from({ length: 128 }, (_, at) => at + 128)));
const nested = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const manyKeys = JSON.stringify(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`key_${at}`, `v${at}`])));

/** One number, and the text it must arrive as. */
const number = (text) => [
  `[{"amount":${text}}]`,
  differs('number-text', { body: `amount=${text.replace('+', '%2B')}` }),
];

export default [
  ...of('customers.create', {
    'no-arguments': '[]',
    'null': '[null]',
    'null-null': '[null,null]',
    'empty-object': '[{}]',
    'nesting': `[${nested(20)}]`,
    'nesting-too-deep': [`[${nested(90)}]`, refused('too-deep')],
    'empty-containers': '[{"a":[],"b":{},"c":[[],{}],"d":{"e":[],"f":{"g":{}}},"h":"x"}]',
    'empty-containers-only': '[{"a":[],"b":{}}]',
    'unset': '[{"description":"","email":null,"metadata":"","shipping":{"name":null,"phone":""},"list":["",null]}]',
    'lists-of-lists': '[{"a":[[1,2],[3,[4,[5,{"b":[6]}]]]]}]',
    'list-of-objects': '[{"items":[{"price":"price_1","quantity":2},{"price":"price_2","tax_rates":["txr_1","txr_2"]}]}]',
    'mixed-list': '[{"a":[1,"b",true,false,null,{"c":1},[2]]}]',
    'long-list': '[{"a":[0,1,2,3,4,5,6,7,8,9,10,11]}]',
    'booleans': '[{"a":true,"b":false,"c":"true"}]',
    'many-keys': `[${manyKeys}]`,
    'order': '[{"z":1,"a":2,"m":{"z":1,"a":2},"b":3}]',
    'reserved-keys': String.raw`[{"metadata":{"!*'()[]&=+ %/?#:;,@$\"<>\\^${'`'}{}|~":"all","a b":"space","a%20b":"escaped","a[b][c]":"brackets","a]b":"bracket"}}]`,
    'reserved-keys-on-top': String.raw`[{"a b":"1","a[b]":"2","a&b=c":"3","größe":"4","[]":"5","a[":"6"}]`,
    'empty-keys': '[{"":"top","metadata":{"":"inside"}}]',
    'unicode-keys': '[{"metadata":{"größe":"XL","注文":"1","👍":"yes","e\u0301":"two code points"}}]',
    'control-keys': String.raw`[{"metadata":{"a\nb":"newline","a\tb":"tab","a\u0000b":"zero"}}]`,
    'keys-of-prototypes': '[{"constructor":"a","toString":"b","hasOwnProperty":"c","__proto__":"d","metadata":{"__proto__":"e","valueOf":"f"}}]',
    'ascii': `[{"description":${ascii}}]`,
    'latin-1': `[{"description":${latin}}]`,
    'planes': String.raw`[{"description":"\u0800 \uffff 𐀀 👩‍👩‍👧 \udbff\udfff"}]`,
    'escapes': String.raw`[{"description":"\u00e9\/\u0041\ud83d\udc4d\b\f\n\r\t\"\\","\u006bey":"\u006bey"}]`,
    'spaces-in-json': '[ { "a" : [ 1 , 2 ] ,\t"b" : { } } , { "idempotencyKey" : "k" } ]',
    'long-text': `[{"description":"${'0123456789 & äöü '.repeat(60)}"}]`,
    'numbers': '[{"a":0,"b":-1,"c":9007199254740991,"d":-9007199254740991,"e":0.1,"f":1e-7,"g":123456789012345680000}]',
    'number-beyond-2-53': number('9007199254740993'),
    'number-of-30-digits': number('123456789012345678901234567890'),
    'number-with-point-zero': number('1.0'),
    'number-with-trailing-zero': number('12.50'),
    'number-with-exponent': '[{"amount":1e3}]',
    'number-with-signed-exponent': '[{"amount":1E+2}]',
    'number-minus-zero': number('-0'),
    'number-of-many-decimals': number('0.12345678901234567890'),
    'lone-surrogate': String.raw`[{"description":"\ud83d"}]`,
    'lone-surrogate-in-key': String.raw`[{"metadata":{"\udc4d":"x"}}]`,
    'integer-keys': [
      '[{"metadata":{"b":1,"2":2,"10":3,"1":4}}]',
      differs('key-order', { body: 'metadata[b]=1&metadata[2]=2&metadata[10]=3&metadata[1]=4' }),
    ],
    'key-twice': ['[{"name":"a","email":"b","name":"c"}]', refused('key-twice')],
  }),
  ...of('customers.list', {
    'range': '[{"created":{"gte":1700000000,"lt":1800000000},"limit":3,"expand":["data.sources"]}]',
    'cursor': '[{"starting_after":"cus_1","email":"a+b@example.com"}]',
    'unset': '[{"email":"","limit":null}]',
    'empty-containers-only': '[{"expand":[]}]',
    'reserved': String.raw`[{"email":"!*'()[]&=+ %/?#:;,@$\"<>\\^${'`'}{}|~"}]`,
    'number-beyond-2-53': [
      '[{"created":9007199254740993}]',
      differs('number-text', { url: 'https://api.stripe.com/v1/customers?created=9007199254740993' }),
    ],
  }),
  ...of('customers.search', {
    'query': String.raw`[{"query":"email~\"@example.com\" AND metadata[\"order id\"]:'6735'","limit":10,"page":"p_1"}]`,
  }),
  ...of('subscriptions.cancel', {
    'params': '["sub_1",{"invoice_now":true,"cancellation_details":{"comment":"too dear & late","feedback":"too_expensive"}}]',
    'empty-containers-only': '["sub_1",{"expand":[]}]',
  }),
];
