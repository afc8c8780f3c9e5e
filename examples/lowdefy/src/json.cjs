// What a caller gave, as JSON text that says the same. JSON alone makes null of a
// number that is none, which Stripe reads as "clear this". What a call is, and what a
// refusal looks like, it does not know.

'use strict';

const { isDate } = require('node:util/types');

/** Where a member stands, as one would write it. */
function member(place, holder, key) {
  if (Array.isArray(holder)) return `${place}[${key}]`;
  return /^[\w$]+$/.test(key) ? `${place}.${key}` : `${place}[${JSON.stringify(key)}]`;
}

/** What is there instead of JSON; undefined where nothing is wrong. */
function wrong(value) {
  switch (typeof value) {
    case 'number': return Number.isFinite(value) ? undefined : `a finite number, not ${value}.`;
    case 'bigint': return 'a number or text, not a bigint: write Number(…) or String(…) around it.';
    case 'function':
    case 'symbol': return `JSON, not a ${typeof value}.`;
  }
}

/**
 * Dates become Unix seconds, as in Stripe's own client, or stay text of RFC 3339.
 *
 * @param {string} name what the value is called
 * @param {boolean} isTextual whether dates are text
 * @param {(place: string, message: string) => Error} refusal what is thrown; the
 *   message says what should stand at the place
 * @returns {string | undefined} nothing for undefined, which has no JSON
 */
function toJson(name, value, isTextual, refusal) {
  /** Of each object under way: its place, and the object that holds it. */
  const known = new Map();
  return JSON.stringify(value, function (key, made) {
    const holder = known.get(this);
    const place = holder ? member(holder.place, this, key) : name;
    // Its `toJSON` has already run, and made text of a date, null of an invalid one.
    const given = this[key];
    if (isDate(given)) {
      const time = given.getTime();
      if (Number.isNaN(time)) throw refusal(place, 'a date, not an invalid one.');
      return isTextual ? made : Math.floor(time / 1000);
    }
    const found = wrong(made);
    if (found) throw refusal(place, found);
    if (typeof made === 'object' && made !== null) {
      for (let above = this; known.has(above); above = known.get(above).above) {
        if (above === made) throw refusal(place, 'JSON, not an object that this is a part of.');
      }
      known.set(made, { place, above: this });
    }
    return made;
  });
}

module.exports = { toJson };
