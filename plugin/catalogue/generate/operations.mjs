// Finds every method of the client and what it sends. Each method ends in one
// call of the same function, `_makeRequest(verb, path, params, options, spec)`,
// so that function is replaced and every method called with marked arguments:
// what arrives is the truth about verb, path and special treatment. Reading the
// source text would only be a guess at it.

import { Stripe, assert, hosts } from './client.mjs';

const Resource = Stripe.StripeResource;

/** Functions on a resource that are its plumbing, not operations. */
const PLUMBING = new Set([
  'constructor', 'basePath', 'path', 'requestDataProcessor', 'addFetchRelatedObjectIfNeeded',
]);

/** What a spec may say. A new key is a new treatment and needs a decision here. */
const KNOWN_SPEC = new Set([
  'methodType', 'apiBase', 'streaming', 'headers', 'validator',
  'requestSchema', // see coercions.mjs
  'responseSchema', 'transformResponseData', // rework the answer, which we pass on as it came
]);

const CLIENT_ID = 'ca_mark';

/** @returns {Array<object>} one entry per method */
export function findOperations() {
  const client = new Stripe('sk_test_mark');
  client.setClientId(CLIENT_ID);
  const methods = [];
  const known = new Map();
  for (const name of Object.keys(client)) {
    if (!name.startsWith('_')) collect(client[name], name, methods, known);
  }
  return methods.map(probe);
}

/** Walks resources and the namespaces that hold them. */
function collect(value, path, methods, known) {
  if (!value || typeof value !== 'object' || value instanceof Stripe) return;
  const isResource = value instanceof Resource;
  if (!isResource && !isNamespace(value)) return;
  const aliasOf = known.get(value);
  if (isResource && !aliasOf) known.set(value, path);
  for (const key of memberNames(value)) {
    const member = value[key];
    if (isResource && typeof member === 'function') {
      methods.push({ name: `${path}.${key}`, resource: value, call: member, aliasOf });
    } else {
      collect(member, `${path}.${key}`, methods, known);
    }
  }
}

/** A namespace keeps the client as its one property that is not a resource. */
function isNamespace(value) {
  return value.stripe instanceof Stripe;
}

function memberNames(value) {
  const names = new Set(Object.keys(value));
  let proto = Object.getPrototypeOf(value);
  while (proto !== Resource.prototype && proto !== Object.prototype) {
    Object.getOwnPropertyNames(proto).forEach((name) => names.add(name));
    proto = Object.getPrototypeOf(proto);
  }
  return [...names].filter((name) => !name.startsWith('_') && !PLUMBING.has(name));
}

function probe({ name, resource, call, aliasOf }) {
  const positional = parameterNames(call, name);
  const ids = positional.slice(0, -2);
  assert(positional.slice(-2).join() === 'params,options', `${name}(${positional})`);

  const marks = ids.map((id) => `mark-${id}`);
  const sent = request(resource, call, marks);
  const spec = sent.spec ?? {};
  Object.keys(spec).forEach((key) => assert(KNOWN_SPEC.has(key), `${name} has spec.${key}`));
  const path = template(sent.path, ids, marks, name);
  // The client moves `limit` out of the params of such a method.
  assert(!(spec.methodType === 'search' && path.startsWith('/v2/')), `${name} searches in v2`);

  return {
    name,
    ids,
    verb: sent.verb,
    path,
    methodType: spec.methodType,
    multipart: isMultipart(name, resource, spec),
    binary: spec.streaming === true,
    base: spec.apiBase ?? sent.base,
    ownVersion: needsOwnVersion(name, spec),
    local: sent.local === true,
    clientId: sent.params.client_id === CLIENT_ID,
    pathWithoutId: pathWithoutId(resource, call, ids, path),
    requestSchema: spec.requestSchema,
    aliasOf,
  };
}

function parameterNames(call, name) {
  const list = /^\w+\(([^)]*)\)/.exec(call.toString());
  assert(list, `${name} has no plain parameter list`);
  return list[1].split(',').map((parameter) => parameter.trim());
}

/** Calls a method and returns what it would have sent. */
function request(resource, call, ids) {
  const params = {};
  const original = Resource.prototype._makeRequest;
  let sent;
  Resource.prototype._makeRequest = (verb, path, given, options, spec) => {
    assert(!sent && given === params, `${call.name} does not hand its arguments on`);
    sent = { verb, path, params, spec };
  };
  try {
    const result = call.call(resource, ...ids, params, {});
    return sent ?? localRequest(result, params);
  } finally {
    Resource.prototype._makeRequest = original;
  }
}

/** A method that sends nothing may still build a URL for the caller to open. */
function localRequest(result, params) {
  assert(URL.canParse(result), 'a method neither sends nor builds a URL');
  const url = new URL(result);
  const base = Object.keys(hosts).find((name) => hosts[name] === url.host);
  return { verb: 'GET', path: url.pathname, params, base, local: true };
}

/** Puts the positional names back where their marks came out. */
function template(path, ids, marks, name) {
  const found = path.split('/').filter((segment) => segment.includes('mark-'));
  assert(found.join() === marks.join(), `${name}: path ${path} does not follow the order of (${ids})`);
  const idOf = new Map(marks.map((mark, at) => [mark, ids[at]]));
  return path.split('/').map((segment) => (idOf.has(segment) ? `{${idOf.get(segment)}}` : segment)).join('/');
}

/** One method takes another path when its id is null. */
function pathWithoutId(resource, call, ids, path) {
  if (ids.length === 0) return undefined;
  const other = request(resource, call, ids.map(() => null)).path;
  return other === path.replace(/\{\w+\}/g, 'null') ? undefined : other;
}

function isMultipart(name, resource, spec) {
  const { headers = {} } = spec;
  const multipart = headers['Content-Type'] === 'multipart/form-data';
  assert(Object.keys(headers).length === (multipart ? 1 : 0), `${name} sends unknown headers`);
  assert(!multipart || resource.requestDataProcessor, `${name} is multipart without an encoder`);
  return multipart;
}

/** The only check made before sending is for an API version in the call's own options. */
function needsOwnVersion(name, spec) {
  if (!spec.validator) return false;
  const passes = (headers) => {
    try {
      spec.validator({}, { headers });
      return true;
    } catch {
      return false;
    }
  };
  assert(!passes({}) && passes({ 'Stripe-Version': 'mark' }), `${name} checks something unknown`);
  return true;
}
