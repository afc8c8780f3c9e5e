// OAuth: a URL that is made without sending anything, and two calls to another host.

import { of, over, refused } from './of.mjs';

const CLIENT = { clientId: 'ca_connection4242' };

export default [
  ...of('oauth.authorizeUrl', {
    'client': '[{"client_id":"ca_1"}]',
    'all': '[{"client_id":"ca_1","redirect_uri":"https://example.com/cb?a=1&b=2","state":"a b+c/d","scope":"read_only","response_type":"code","stripe_landing":"login","always_prompt":true,"suggested_capabilities":["transfers","tax_reporting_us_1099_k"],"stripe_user":{"email":"jenny@example.com","business_name":"Größe & Söhne","url":""}}]',
    'express': '[{"client_id":"ca_1"},{"express":true}]',
    'not-express': '[{"client_id":"ca_1"},{"express":false}]',
    'empty-defaults': '[{"scope":"","client_id":"ca_1","response_type":null,"state":"s"}]',
    'connection-client': ['[{"state":"s"}]', over(CLIENT)],
    'connection-client-and-nothing': ['[]', over(CLIENT)],
    'connection-client-and-own': ['[{"client_id":"ca_1"}]', over(CLIENT)],
    'connection-client-for-empty': ['[{"client_id":"","state":"s"}]', over(CLIENT)],
    'connection-client-and-express': ['[null,{"express":true}]', over(CLIENT)],
    'no-client': ['[{"state":"s"}]', refused('client-id')],
    'nothing': ['[]', refused('client-id')],
  }),
  ...of('oauth.token', {
    'code': '[{"grant_type":"authorization_code","code":"ac_1/2+3"}]',
    'refresh': '[{"grant_type":"refresh_token","refresh_token":"rt_1","scope":"read_only"},{"apiKey":"rk_test_anotherkey000009999"}]',
    'nothing': '[]',
  }),
  ...of('oauth.deauthorize', {
    'client': '[{"client_id":"ca_1","stripe_user_id":"acct_1"}]',
    'connection-client': ['[{"stripe_user_id":"acct_1"}]', over(CLIENT)],
    'connection-client-for-empty': ['[{"client_id":null,"stripe_user_id":"acct_1"}]', over(CLIENT)],
    'no-client': ['[{"stripe_user_id":"acct_1"}]', refused('client-id')],
    'nothing': '[]',
  }),
];
