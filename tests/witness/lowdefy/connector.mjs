// One request through Lowdefy: its API looks up the configuration, evaluates the
// operators, validates against the connector's schemas and calls the connector.

import { callRequest } from '@lowdefy/api';
import * as connections from '@lowdefy/connection-stripe/connections';
import * as operators from '@lowdefy/operators-js/operators/server';

const SILENT = { debug() {}, error() {}, info() {}, warn() {} };

/** What a build of the app would have left on the disk. */
function readConfigFile({ connection, request }) {
  const files = {
    'pages/page/requests/request.json': {
      id: 'request:page:request', requestId: 'request', pageId: 'page', connectionId: 'stripe', type: 'StripeRequest',
      auth: { public: true }, properties: request,
    },
    'connections/stripe.json': { id: 'connection:stripe', connectionId: 'stripe', type: 'Stripe', properties: connection },
  };
  return async (path) => structuredClone(files[path]);
}

/** @returns {Promise<{response} | {error: {name, message}}>} */
export async function callConnector(aCase) {
  const context = {
    authorize: () => true,
    connections,
    logger: SILENT,
    operators,
    readConfigFile: readConfigFile(aCase),
    secrets: aCase.secrets ?? {},
  };
  try {
    const { response } = await callRequest(context, { blockId: 'block', pageId: 'page', payload: {}, requestId: 'request' });
    return { response };
  } catch ({ name, message }) {
    return { error: { name, message } };
  }
}
