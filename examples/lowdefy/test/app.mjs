// One request through Lowdefy's API, as an app makes it.

import { callRequest } from '@lowdefy/api';
import * as operators from '@lowdefy/operators-js/operators/server';

const SILENT = { debug() {}, error() {}, info() {}, warn() {} };

/** What a build of the app would have left on the disk. */
function appFiles({ connection, request, type }) {
  return {
    'pages/page/requests/request.json': {
      id: 'request:page:request', requestId: 'request', pageId: 'page', connectionId: 'stripe', type,
      auth: { public: true }, properties: request,
    },
    'connections/stripe.json': { id: 'connection:stripe', connectionId: 'stripe', type: 'Stripe', properties: connection },
  };
}

/**
 * @param {object} app `connections` of a package, the `connection` and `request`
 *   properties as in YAML, the request's `type`, `secrets` and `payload` for the operators
 * @returns {Promise<{response} | {error: {name, message}}>}
 */
export async function callThroughLowdefy({ connections, connection, request, type = 'StripeRequest', secrets = {}, payload = {} }) {
  const files = appFiles({ connection, request, type });
  const context = {
    authorize: () => true,
    connections,
    logger: SILENT,
    operators,
    readConfigFile: async (path) => structuredClone(files[path]),
    secrets,
  };
  try {
    const { response } = await callRequest(context, { blockId: 'block', pageId: 'page', payload, requestId: 'request' });
    return { response };
  } catch ({ name, message }) {
    return { error: { name, message } };
  }
}
