// Sends everything the connector's client sends to a port of this machine. The
// connector constructs its client itself and has no property for the host, so
// the client is told to use plain http, and Node's http.request, which it then
// calls, is replaced: in this process only.

import http from 'node:http';
import Stripe from 'stripe';

export function redirectTo(port) {
  const { request } = http;
  const { getApiField } = Stripe.prototype;
  // The very client that the connector imports; see package.json.
  Stripe.prototype.getApiField = function (name) {
    return name === 'protocol' ? 'http' : getApiField.call(this, name);
  };
  http.request = (options) => request({
    ...options,
    host: '127.0.0.1',
    port,
    headers: { ...options.headers, Host: options.host },
  });
}
