// Stripe for Node: calls that run in the pool, and their errors.

'use strict';

const os = require('node:os');
const { Pool } = require('./pool.cjs');

const DEFAULT_WORKERS = Math.max(2, Math.min(8, os.availableParallelism()));
const MOST_WORKERS = 64;

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

/** How many threads the connection asks for, and the properties that are the component's. */
function split({ workers = DEFAULT_WORKERS, ...properties }) {
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw new StripeError({
      case: 'permanent',
      failure: {
        type: 'configuration_error',
        path: 'properties.workers',
        message: `Stripe connection property "workers" should be an integer from 1 to ${MOST_WORKERS}: the threads that make calls.`,
      },
    });
  }
  return { workers, properties };
}

async function run(connection, task, signal) {
  const { workers, properties } = split(connection ?? {});
  pool ??= new Pool(workers);
  pool.grow(workers);
  try {
    const response = await pool.run({ ...task, properties: JSON.stringify(properties) }, signal);
    return { ...response, body: JSON.parse(response.body) };
  } catch (error) {
    throw error?.failure ? new StripeError(error) : error;
  }
}

/**
 * Calls one method of one resource.
 *
 * @param {object} connection what a person writes under `properties:`
 * @param {{ signal?: AbortSignal }} [options]
 */
function request(connection, resource, method, args = null, { signal } = {}) {
  return run(connection, { resource, method, args: JSON.stringify(args) }, signal);
}

/** Calls the method that Lowdefy's nested form names. */
function stripeRequest(connection, nested, { signal } = {}) {
  return run(connection, { nested: JSON.stringify(nested) }, signal);
}

module.exports = { request, stripeRequest, StripeError, DEFAULT_WORKERS, MOST_WORKERS };
