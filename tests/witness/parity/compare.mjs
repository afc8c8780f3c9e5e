// The comparison itself: what is expected of the plugin, given a recording of the
// client and the named differences, and whether an answer of
// `stripe-harness batch --dry-run` is that. The rules are those of
// ../../recordings/README.md.

const WHO_SPEAKS = ['user-agent', 'x-stripe-client-user-agent', 'x-stripe-client-telemetry'];
const GENERATED = '<generated>';
const BOUNDARY = '<boundary>';

/** @returns {{request} | {local} | {refused: true}} */
export function expectation({ request, local, plugin }, differences) {
  if (plugin?.refused) return { refused: true };
  const ruled = request && afterRules(request, differences.rules);
  if (plugin) return { request: overlaid(ruled, plugin.request) };
  if (ruled) return { request: ruled };
  return local === undefined ? { refused: true } : { local };
}

function afterRules(request, rules) {
  const api = new URL(request.url).pathname.startsWith('/v2/') ? 'v2' : 'v1';
  const headers = Object.entries(request.headers).filter(([name, value]) =>
    !rules.some((rule) => rule.api === api && rule.drop.header === name && rule.drop.value === value));
  return { ...request, headers: Object.fromEntries(headers) };
}

function overlaid(request, other) {
  const headers = Object.entries({ ...request?.headers, ...other.headers }).filter(([, value]) => value !== null);
  return { ...request, ...other, headers: Object.fromEntries(headers) };
}

/** Lines that tell how an answer is not what is expected; none when it is. */
export function deviations(expected, answer) {
  if (expected.refused) return refusal(answer);
  if (expected.local !== undefined) return unequal('local', expected.local, answer.local ?? brief(answer));
  if (!answer.request) return [`request: expected, but: ${brief(answer)}`];
  const actual = withoutBoundary(answer.request);
  const parts = ['method', 'url', 'body'].flatMap((part) => unequal(part, expected.request[part], actual[part]));
  return [...parts, ...unequalHeaders(expected.request.headers, actual.headers)];
}

/** Nothing sent, and nothing to be gained by another try. */
function refusal({ error, ...rest }) {
  if (!error) return [`refusal: expected, but: ${brief(rest)}`];
  return [
    ...unequal('case of the error', 'permanent', error.case),
    ...unequal('may have been sent', false, error.may_have_been_sent ?? false),
  ];
}

function unequalHeaders(expected, actual) {
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...names]
    .filter((name) => !WHO_SPEAKS.includes(name))
    .filter((name) => !(expected[name] === GENERATED && actual[name]))
    .flatMap((name) => unequal(`header ${name}`, expected[name], actual[name]));
}

/** As in the recordings: a fixed text for the boundary, counted so. */
function withoutBoundary(request) {
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(request.headers['content-type'])?.[1];
  if (boundary === undefined || typeof request.body !== 'string') return request;
  const length = String(Buffer.byteLength(request.body));
  const body = request.body.replaceAll(boundary, BOUNDARY);
  const headers = { ...request.headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  const right = headers['content-length'] === length;
  headers['content-length'] = right ? String(Buffer.byteLength(body)) : `${headers['content-length']}, of ${length}`;
  return { ...request, headers, body };
}

function unequal(what, expected, actual) {
  return expected === actual ? [] : [`${what}: expected ${text(expected)}`, `${' '.repeat(what.length)}    found ${text(actual)}`];
}

function text(value) {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function brief({ id, ...answer }) {
  return JSON.stringify(answer).slice(0, 300);
}
