// Calls that carry a file: bodies of several parts, and a binary answer.

import { differs, of } from './of.mjs';

export default [
  ...of('files.create', {
    'text': '[{"purpose":"dispute_evidence","file":{"data":"line one\\nline two\\r\\n","name":"evidence.txt","type":"text/plain"}}]',
    'defaults': '[{"purpose":"dispute_evidence","file":{"data":"x"}}]',
    'empty': '[{"purpose":"business_logo","file":{"data":"","name":"empty.txt","type":"text/plain"}}]',
    'unicode': '[{"purpose":"dispute_evidence","file":{"data":"größe 注文 👍","name":"größe 注文.txt","type":"text/plain; charset=utf-8"}}]',
    'quotes-and-newlines': String.raw`[{"purpose":"dispute_evidence","file":{"data":"x","name":"a \"b\"\r\nc: d\ne.txt","type":"text/plain\r\nX-Injected: 1"}}]`,
    'nested': '[{"file":{"data":"x","name":"a.txt"},"purpose":"dispute_evidence","file_link_data":{"create":true,"expires_at":1800000000,"metadata":{"order id":"6735","a\\"b":"c","größe":"XL","line\\nbreak":"d\\ne"}},"expand":["links","links.data"]}]',
    'empty-containers': '[{"file":{"data":"x"},"purpose":"dispute_evidence","expand":[],"file_link_data":{}}]',
    'unset': [
      '[{"purpose":"dispute_evidence","file":{"data":"x"},"file_link_data":{"create":true,"metadata":null}}]',
      differs('null-in-a-form-with-files', {
        body: [
          '--<boundary>', 'Content-Disposition: form-data; name="purpose"', '', 'dispute_evidence',
          '--<boundary>', 'Content-Disposition: form-data; name="file"; filename="blob"',
          'Content-Type: application/octet-stream', '', 'x',
          '--<boundary>', 'Content-Disposition: form-data; name="file_link_data[create]"', '', 'true',
          '--<boundary>', 'Content-Disposition: form-data; name="file_link_data[metadata]"', '', '',
          '--<boundary>--', '',
        ].join('\r\n'),
      }),
    ],
    'options': '[{"purpose":"dispute_evidence","file":{"data":"x"}},{"idempotencyKey":"order-4242","stripeAccount":"acct_1"}]',
    'no-arguments': '[]',
    'no-file': '[{"purpose":"dispute_evidence"}]',
  }),
  ...of('files.list', { 'params': '[{"purpose":"dispute_evidence","limit":3}]' }),
  ...of('quotes.pdf', {
    'id': '["qt_1/2"]',
    'options': '["qt_1",null,{"stripeAccount":"acct_1"}]',
    'params': '["qt_1",{"expand":["customer"]}]',
  }),
];
