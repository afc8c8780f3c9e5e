// The client's transport, replaced: nothing is sent, and what would be is kept.
// Node's own checks of header and path are made here as well, since the client
// leaves them to the transport it normally uses.

import { validateHeaderName, validateHeaderValue } from 'node:http';
import Stripe from 'stripe';

export class RecordingTransport extends Stripe.HttpClient {
  requests = [];

  getClientName() {
    return 'recording';
  }

  async makeRequest(host, port, path, method, headers, body, protocol) {
    // What http.request refuses: see "ERR_UNESCAPED_CHARACTERS" in Node's docs.
    if (/[^\u0021-\u00ff]/.test(path)) throw new TypeError('Request path contains unescaped characters');
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    this.requests.push({ protocol, host, port, path, method, headers, body });
    return new EmptyAnswer();
  }
}

/** An answer that every method accepts. */
class EmptyAnswer extends Stripe.HttpClientResponse {
  constructor() {
    super(200, {});
  }

  getRawResponse() {
    return {};
  }

  toStream(complete) {
    complete();
    return {};
  }

  async toJSON() {
    return {};
  }
}
