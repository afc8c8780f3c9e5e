// The schemas Lowdefy checks before it calls: those of the component, in the
// dialect Lowdefy's validator reads (draft 7, with `errorMessage`, no formats).

'use strict';

const { MOST_WORKERS } = require('./stripe.cjs');
const published = require('../component/connection-schema.json');

// The validator warns of each format it does not know, at every start.
const component = JSON.parse(JSON.stringify(published), (name, value) => (name === 'format' && typeof value === 'string' ? undefined : value));

/** A property with the message a person gets when it has another type. */
function worded([name, property]) {
  if (typeof property.type !== 'string') return [name, property];
  const article = /^[aeiou]/.test(property.type) ? 'an' : 'a';
  const type = `Stripe connection property "${name}" should be ${article} ${property.type}.`;
  return [name, { ...property, errorMessage: { type } }];
}

// Which properties exclude each other, and what a misspelt one was meant to be, the
// component says in a sentence.
const { $schema, $id, allOf, additionalProperties, ...schema } = component;

const connection = {
  ...schema,
  properties: {
    ...Object.fromEntries(Object.entries(schema.properties).map(worded)),
    workers: {
      type: 'integer',
      minimum: 1,
      maximum: MOST_WORKERS,
      description: 'Threads that make calls, and so the most calls at once.',
      errorMessage: `Stripe connection property "workers" should be an integer from 1 to ${MOST_WORKERS}.`,
    },
  },
  errorMessage: { type: 'Stripe connection properties should be an object.' },
};

// What is below it, the component judges: it knows the methods.
const request = {
  title: 'StripeRequest',
  type: 'object',
  errorMessage: { type: 'StripeRequest request properties should be an object.' },
};

/** A request that reads a list: which one, and what only this kind takes. */
function list(title, own, required = []) {
  return {
    title,
    type: 'object',
    properties: {
      resource: { type: 'string', description: 'Such as customers, or checkout.sessions.' },
      method: { type: 'string', description: 'Mostly list, or search.' },
      args: { description: 'As below a StripeRequest: ids, then parameters, then options.' },
      ...own,
    },
    required: ['resource', 'method', ...required],
    additionalProperties: false,
    errorMessage: { type: `${title} request properties should be an object.` },
  };
}

const limit = { type: 'integer', description: 'The most items to read.' };
const listAll = list('StripeListAll', { limit }, ['limit']);
const cursor = { type: ['string', 'null'], description: 'The next of the page before.' };
const listPage = list('StripeListPage', { cursor });

module.exports = { connection, listAll, listPage, request };
