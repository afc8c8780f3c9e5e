// From what a transport was given to what a recording keeps: the request line,
// the headers that mean something, and the body as text.

/** Who speaks: every client says so in its own words. */
const LEFT_OUT = new Set(['user-agent', 'x-stripe-client-user-agent', 'x-stripe-client-telemetry']);

/** Stands for a key that the client made up for the call. */
const GENERATED = '<generated>';

/** Stands for the boundary of a multipart body. */
const BOUNDARY = '<boundary>';

export function recordedRequest({ protocol, host, port, path, method, headers, body }) {
  const kept = keptHeaders(headers);
  const text = typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  const hasBody = kept['content-length'] !== undefined;
  if (hasBody && kept['content-length'] !== byteLength(text)) throw new Error('content-length is wrong');
  if (!hasBody && text !== '') throw new Error('a body without content-length');
  const request = { method, url: origin(protocol, host, port) + path, headers: kept, body: hasBody ? text : null };
  return withoutBoundary(request);
}

function keptHeaders(headers) {
  const kept = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]);
  return Object.fromEntries(kept
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => [name, normalized(name, value)])
    .sort(([a], [b]) => (a < b ? -1 : 1)));
}

function normalized(name, value) {
  if (name === 'authorization') return redacted(value);
  if (name === 'idempotency-key' && value.startsWith('stripe-node-retry-')) return GENERATED;
  return value;
}

/** `Bearer sk_test_…4242`: kind, mode, and the last four characters of the key. */
function redacted(authorization) {
  return authorization.replace(/^(Bearer [^_]+_[^_]+_).*(.{4})$/, '$1…$2');
}

/** The same boundary everywhere, and the length that the body then has. */
function withoutBoundary(request) {
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(request.headers['content-type'])?.[1];
  if (boundary === undefined) return request;
  const body = request.body.replaceAll(boundary, BOUNDARY);
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  return { ...request, headers: { ...request.headers, 'content-type': type, 'content-length': byteLength(body) }, body };
}

function byteLength(text) {
  return String(Buffer.byteLength(text));
}

function origin(protocol, host, port) {
  const usual = { https: '443', http: '80' }[protocol];
  return `${protocol}://${host}${String(port) === usual ? '' : `:${port}`}`;
}
