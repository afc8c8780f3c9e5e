// The cases of every method: what each of them is to show, and the arguments
// that do. Nothing is made here that the plugin deliberately treats in another
// way than the client; such cases are written by hand, see special/.

import { methodOf, Params, STYLES, withFile } from './params.mjs';
import { Random } from './random.mjs';
import { jsonText } from './text.mjs';
import * as values from './values.mjs';

const { plain, awkward, wild } = STYLES;

/** One case of every method each: its arguments from what the method takes. */
const PLANS = [
  // As short as it gets: ids, params and options only where they must be given.
  ({ ids, demands, params, options }) => [
    ...ids(plain),
    ...(demands.params || demands.options ? [params(plain, 0)] : []),
    ...(demands.options ? [options()] : []),
  ],
  // As a person would call it.
  ({ ids, demands, params, options }) => [...ids(plain), params(plain, 10), ...(demands.options ? [options()] : [])],
  // Values that are hard to encode, with options.
  ({ ids, params, options }) => [...ids(awkward), params(awkward, 8), options()],
  // Null or empty in the params' place, with or without options after it.
  ({ ids, demands, params, nothing, options, random }) =>
    [...ids(awkward), nothing() ?? params(plain, 2), ...(demands.options || random.chance(0.7) ? [options()] : [])],
  // Whatever JSON can say.
  ({ ids, demands, params, options, random }) =>
    [...ids(wild), params(wild, 10), ...(demands.options || random.chance(0.5) ? [options()] : [])],
  // A great deal of it.
  ({ ids, params, options }) => [...ids(awkward), params(plain, 30), options()],
];

/** @returns {Array<{id, resource, method, args}>} args is JSON text */
export function generatedCases(operations, model, seed) {
  return operations.flatMap((operation) => PLANS.map((plan, at) => {
    const id = `${operation.name}#${at + 1}`;
    const args = plan(new Arguments(operation, model, new Random(`${seed} ${id}`)));
    return { id, resource: operation.resource, method: operation.method, args: jsonText(args) };
  }));
}

class Arguments {
  constructor(operation, model, random) {
    this.operation = operation;
    this.model = model;
    this.random = random;
    this.demands = {
      params: methodOf(model, operation.name).params === 'required' || operation.flags.has('client-id'),
      options: operation.flags.has('own-version'),
    };
  }

  ids = (style) => {
    const { ids, flags } = this.operation;
    // Null stands for an id that may be left out.
    if (flags.has('null-id') && this.random.chance(0.4)) return [null];
    return ids.map((name) => {
      if (!this.random.chance(style.awkward)) return values.plainId(this.random, name);
      const number = style === wild && !flags.has('null-id') && this.random.chance(0.2);
      return number ? this.random.between(1, 999_999) : values.awkwardId(this.random);
    });
  };

  params = (style, budget) => {
    const { name, flags } = this.operation;
    const fitting = flags.has('multipart') ? withFile(style) : style;
    const forced = flags.has('client-id') ? ['client_id'] : [];
    const params = new Params(this.model, this.random, fitting, budget).of(name, forced);
    if (forced.length > 0) params.client_id = 'ca_recording4242';
    if (flags.has('local')) keepDefaults(params);
    return params;
  };

  /** Null or `{}`, where the client bears that and the plugin as well. */
  nothing = () => {
    if (['client-id', 'multipart'].some((flag) => this.operation.flags.has(flag))) return undefined;
    return this.random.chance(0.5) ? null : {};
  };

  options = () => {
    const { random, operation: { flags } } = this;
    const possible = Object.keys(OPTIONS).filter((name) => name !== 'express' || flags.has('local'));
    const chosen = random.sample(random.shuffled(possible), random.between(1, 3));
    if (flags.has('own-version') && !chosen.includes('apiVersion')) chosen.push('apiVersion');
    if (chosen.includes('stripeAccount') && chosen.includes('stripeContext')) chosen.splice(chosen.indexOf('stripeContext'), 1);
    return Object.fromEntries(chosen.map((name) => [name, OPTIONS[name](random)]));
  };
}

const OPTIONS = {
  apiKey: () => 'rk_test_anotherkey000009999',
  idempotencyKey: (random) => random.pick(['order-4242', 'a b:c/d?e=f&g#h', '"quoted"', 'k'.repeat(255)]),
  stripeAccount: (random) => random.pick(['acct_1recording', 'acct_1/acct_2']),
  stripeContext: (random) => random.pick(['acct_1recording', 'workspace_1/acct_2']),
  // Not the client's own: a recording could not tell it from one not asked for.
  apiVersion: (random) => random.pick(['2020-08-27', '2024-06-20', '2025-09-30.clover']),
  maxNetworkRetries: (random) => random.below(4),
  timeout: (random) => random.between(1, 80_000),
  headers: (random) => random.pick([{ 'X-Shop': 'blue shirt' }, { 'x-count': '3', 'X-Order-ID': 'o/1?a=b' }, {}]),
  express: (random) => random.chance(0.5),
};

/** What is empty here, the client fills in; special/ has that. */
function keepDefaults(params) {
  for (const name of ['response_type', 'scope']) {
    if (!params[name]) delete params[name];
  }
}
