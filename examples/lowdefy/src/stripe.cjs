// Stripe for Node: calls that run in the pool, and their errors.

'use strict';

const { toJson } = require('./json.cjs');
const { Pool } = require('./pool.cjs');

/** A thread is started when all others wait, and let go when nobody needs it. */
const DEFAULT_WORKERS = 16;
const MOST_WORKERS = 64;
const MOST_U32 = 2 ** 32 - 1;

let pool;

/** Why a call failed: the contract's `failure`, and its case. */
class StripeError extends Error {
  constructor({ case: name, failure }) {
    super(failure.message);
    this.name = 'StripeError';
    /** `transient`: an identical call may succeed later; else `permanent`. */
    this.case = name;
    const { message, ...rest } = failure;
    Object.assign(this, rest);
  }
}

function refusal(path, message, type = 'argument_error') {
  return new StripeError({ case: 'permanent', failure: { type, attempts: 0, mayHaveBeenSent: false, path, message: `${path} should be ${message}` } });
}

const misconfigured = (path, message) => refusal(path, message, 'configuration_error');

/** How many threads the connection asks for, and the properties that are the component's. */
function split({ workers = DEFAULT_WORKERS, ...properties }) {
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw misconfigured('properties.workers', `an integer from 1 to ${MOST_WORKERS}: the threads that make calls.`);
  }
  return { workers, properties: toJson('properties', properties, false, misconfigured) };
}

/** Runs one function of the component in a thread. */
async function run(workers, task, signal) {
  pool ??= new Pool(workers);
  pool.grow(workers);
  try {
    return await pool.run(task, signal);
  } catch (error) {
    throw error?.failure ? new StripeError(error) : error;
  }
}

async function call(connection, task, signal) {
  const { workers, properties } = split(connection ?? {});
  const response = await run(workers, { ...task, properties }, signal);
  return { ...response, body: JSON.parse(response.body) };
}

async function list(connection, task, signal) {
  const { workers, properties } = split(connection ?? {});
  const { items, ...more } = await run(workers, { ...task, properties }, signal);
  return { ...more, items: items.map((item) => JSON.parse(item)) };
}

function text(name, value, kind = 'text') {
  if (typeof value === 'string') return value;
  throw refusal(name, `${kind}, not ${typeof value}.`);
}

/** Whether the path of a raw request is one of v2. */
const isPathOfV2 = (raw) => /^\/?v2\//.test(raw?.[1]);

/** A method and its arguments, as all functions take them. */
function named(resource, method, args) {
  // v2 has times as text.
  const isTextual = text('resource', resource).startsWith('v2.') || (method === 'rawRequest' && isPathOfV2(args));
  return { resource, method: text('method', method), args: text('args', toJson('args', args, isTextual, refusal), 'JSON') };
}

/** A number that fits; another one would be cut on its way into the component. */
function u32(name, value) {
  if (Number.isInteger(value) && value >= 0 && value <= MOST_U32) return value;
  throw refusal(name, `a whole number from 0 to ${MOST_U32}, not ${JSON.stringify(value)}.`);
}

/** The body of a webhook. Bytes that are no text fit no signature then. */
function body(payload) {
  if (typeof payload === 'string') return payload;
  if (payload instanceof Uint8Array) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(payload);
  throw refusal('payload', 'the body of the request as it arrived, as text or bytes: what is signed is its bytes, not what was parsed.');
}

/**
 * Calls one method of one resource.
 *
 * @param {object} connection what a person writes under `properties:`
 * @param {{ signal?: AbortSignal }} [options]
 */
async function request(connection, resource, method, args = null, { signal } = {}) {
  return call(connection, { function: 'request', ...named(resource, method, args) }, signal);
}

/** Calls the method that Lowdefy's nested form names. */
async function stripeRequest(connection, nested, { signal } = {}) {
  const isTextual = nested?.v2 !== undefined || isPathOfV2(nested?.rawRequest);
  return call(connection, { function: 'stripeRequest', nested: text('properties', toJson('properties', nested, isTextual, refusal), 'JSON') }, signal);
}

/**
 * Reads a list page by page, until it ends or has `limit` items.
 *
 * @param {{ limit: number, signal?: AbortSignal }} options
 */
async function listAll(connection, resource, method, args = null, { limit, signal } = {}) {
  return list(connection, { function: 'listAll', ...named(resource, method, args), limit: u32('limit', limit) }, signal);
}

/**
 * Reads one page of a list: the first, or the one that `next` of another names.
 *
 * @param {{ cursor?: string, signal?: AbortSignal }} [options]
 */
async function listPage(connection, resource, method, args = null, { cursor, signal } = {}) {
  const at = cursor == null ? undefined : text('cursor', cursor);
  return list(connection, { function: 'listPage', ...named(resource, method, args), cursor: at }, signal);
}

/**
 * Verifies a webhook and returns its event. No connection is needed, nothing is sent.
 *
 * @param {string | Uint8Array} payload the body exactly as it arrived
 * @param {string} signature its header `stripe-signature`
 * @param {string | string[]} secrets signing secrets (`whsec_…`)
 * @param {{ tolerance?: number, receivedAt?: number, signal?: AbortSignal }} [options] both in seconds
 */
async function constructEvent(payload, signature, secrets, { tolerance, receivedAt, signal } = {}) {
  const task = {
    function: 'constructEvent',
    payload: body(payload),
    signature: text('signature', signature ?? ''),
    secrets: [secrets ?? []].flat().map((secret) => text('secrets', secret)),
    tolerance: tolerance == null ? undefined : u32('tolerance', tolerance),
    receivedAt: receivedAt == null ? undefined : u32('receivedAt', receivedAt),
  };
  return JSON.parse(await run(1, task, signal)); // it waits for nobody
}

module.exports = {
  constructEvent, listAll, listPage, request, stripeRequest, StripeError, DEFAULT_WORKERS, MOST_WORKERS,
};
