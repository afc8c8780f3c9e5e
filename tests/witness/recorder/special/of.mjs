// How the cases in this folder are written down:
//
//   ...of('customers.create', {
//     'name-of-the-case': '[{"limit": 3}]',                     arguments, as JSON text
//     'another': ['[…]', differs('number-text', { body: … })],  the plugin does otherwise
//     'a-third': ['[…]', over({ clientId: 'ca_1' })],           a connection with properties
//   })
//
// Arguments are text, so that a case can say what JavaScript's values cannot.

export function of(name, cases) {
  const dot = name.lastIndexOf('.');
  const [resource, method] = [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
  return Object.entries(cases).map(([title, one]) => {
    const [args, ...more] = [one].flat();
    return { id: `${name}#${title}`, resource, method, args, ...Object.assign({}, ...more) };
  });
}

/**
 * The plugin sends another request than the client: `request` holds the parts
 * that are not as recorded; a header that is null is not sent.
 */
export function differs(difference, request) {
  const { body, headers } = request;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return { difference, plugin: { request: { ...request, headers: { ...length, ...headers } } } };
}

/** The plugin refuses what the client sends. */
export function refused(difference) {
  return { difference, plugin: { refused: true } };
}

export function over(connection) {
  return { connection };
}
