// The schemas Lowdefy checks before it calls: those of the component, in the
// dialect Lowdefy's validator reads (draft 7, with `errorMessage`).

'use strict';

const { MOST_WORKERS } = require('./stripe.cjs');
const component = require('../component/connection-schema.json');

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

module.exports = { connection, request };
