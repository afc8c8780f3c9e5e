// Params for one method, made from its schema. A style says how: ordinary, or
// awkward, or wild, which also ignores the schema now and then. A budget bounds
// the number of values, since some methods take hundreds.

import * as values from './values.mjs';

/** Deeper than this, fields that may be left out are. */
const DEEP = 5;

/**
 * plain    values a person would write
 * awkward  values that are hard to encode
 * wild     awkward, with fields and types that the schema does not have
 */
export const STYLES = {
  plain: { awkward: 0, wild: 0 },
  awkward: { awkward: 0.6, wild: 0 },
  wild: { awkward: 0.5, wild: 0.2 },
};

/** In a form with a file, where the client has no word for null. */
export function withFile(style) {
  return { ...style, wild: 0, withoutNull: true };
}

export class Params {
  #left;

  /** @param model as of parseParameters */
  constructor(model, random, style, budget) {
    this.model = model;
    this.random = random;
    this.style = style;
    this.#left = budget;
  }

  /** An object for the method; what may be left out stays within the budget. */
  of(name, forced = []) {
    const params = this.#object(methodOf(this.model, name).fields, 0, forced);
    if (this.random.chance(this.style.wild)) params[values.awkwardKey(this.random)] = this.#leaf('unknown', 'string');
    return params;
  }

  #object(fields, depth, forced = []) {
    const optional = fields.filter(({ required, name }) => !required && !forced.includes(name));
    const most = depth === 0 ? 8 : 2;
    const room = depth >= DEEP ? 0 : Math.min(most, this.#left);
    const extra = new Set(this.random.sample(optional, this.random.between(Math.min(1, room), room)));
    const chosen = fields.filter((field) => !optional.includes(field) || extra.has(field));
    return Object.fromEntries(this.random.shuffled(chosen).map(({ name, type }) => [name, this.#value(name, type, depth)]));
  }

  #value(name, type, depth) {
    if (this.random.chance(this.style.wild)) return this.#spent(values.anything(this.random));
    const impossible = ['bytes', ...(this.style.withoutNull ? ['empty', 'null'] : [])];
    return this.#alternative(name, this.random.pick(type.filter((one) => !impossible.includes(one))), depth);
  }

  #alternative(name, one, depth) {
    if (typeof one === 'string') return this.#leaf(name, one);
    if (one.array) return this.#list(depth, () => this.#value(name, one.array, depth + 1));
    if (one.map) return Object.fromEntries(this.#list(depth, () => [this.#key(), this.#value(name, one.map, depth + 1)]));
    if (one.values) return this.#word(one);
    const shape = this.model.shapes.get(one.ref);
    return shape ? this.#object(shape, depth + 1) : this.#word(this.model.enums.get(one.ref));
  }

  #list(depth, make) {
    const least = this.#awkward() ? 0 : 1;
    const most = depth > 2 || this.#left <= 0 ? 1 : 3;
    return Array.from({ length: this.random.between(least, most) }, make);
  }

  #word({ open, values: words }) {
    if (open && this.#awkward()) return this.#leaf('other', 'string');
    return this.#spent(this.random.pick(words));
  }

  #key() {
    return this.#awkward() ? values.awkwardKey(this.random) : values.plainKey(this.random);
  }

  #leaf(name, kind) {
    const { random } = this;
    const awkward = this.#awkward();
    switch (kind) {
      case 'string': return this.#spent(awkward ? values.awkwardText(random) : values.plainText(random, name));
      case 'number': return this.#spent(awkward ? values.awkwardNumber(random) : values.plainNumber(random));
      case 'decimal': return this.#spent(values.plainDecimal(random));
      case 'boolean': return this.#spent(random.chance(0.5));
      case 'empty': return this.#spent(random.chance(0.5) ? null : '');
      case 'null': return this.#spent(null);
      case 'blank': return this.#spent('');
      case '{}': return this.#spent({});
      default: throw new Error(`no value for the type ${kind}`);
    }
  }

  #awkward() {
    return this.random.chance(this.style.awkward);
  }

  #spent(value) {
    this.#left -= 1;
    return value;
  }
}

/** What a method takes; an alias takes what its original does. */
export function methodOf(model, name) {
  const method = model.methods.get(name);
  return method.alias ? model.methods.get(method.alias) : method;
}
