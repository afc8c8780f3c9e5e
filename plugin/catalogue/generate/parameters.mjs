// Builds the model of every method's params from the type declarations.
//
// The declarations spell the same object out again and again: nearly every
// method of a resource declares its own copy of what its siblings take. Here an
// object becomes a *shape*, stored once and referred to by name. Two
// declarations are one shape when both their own name and their content agree;
// content alone would let a shape carry a name that misleads where it is used.
//
// The model is plain data:
//   methods  name → { params: 'required' | 'optional' | 'any', fields } or { alias }
//   shapes   name → fields
//   enums    name → { open, values }
//   field    { name, required, deprecated, type }
//   type     [alternative, …], see `alternative` below

import ts from 'typescript';
import { assert } from './client.mjs';
import { checker, isDeprecated } from './declarations.mjs';
import { compare } from './text.mjs';

/** Up to this many values stand in the field's own line. */
const INLINE_VALUES = 6;

/** The order of alternatives in a type, so that equal types read the same. */
const ORDER = [
  'empty', 'null', 'blank', 'boolean', 'number', 'decimal', 'string', 'bytes', '{}',
  'values', 'array', 'map', 'ref',
];

/** @param operations as from operations.mjs, each with what declarationOf found */
export function buildModel(operations) {
  const builder = new Builder();
  for (const operation of operations) builder.addMethod(operation);
  return builder.model;
}

class Builder {
  model = { methods: new Map(), shapes: new Map(), enums: new Map() };
  names = new Map(); // content of a shape or enum → its name in the model
  finished = new Map(); // declared type → alternative
  unfinished = new Set(); // declared types whose fields are being read

  addMethod({ name, aliasOf, legacy, paramsType, paramsOptional }) {
    const { methods } = this.model;
    if (aliasOf) {
      methods.set(name, { alias: `${aliasOf}.${name.split('.').pop()}` });
    } else if (legacy) {
      methods.set(name, { params: 'any', fields: [] });
    } else {
      const type = checker.getNonNullableType(paramsType);
      assert(isObject(type) && type.symbol, `${name} takes params that are not one object`);
      const params = paramsOptional ? 'optional' : 'required';
      methods.set(name, { params, fields: this.fields(type) });
    }
  }

  fields(type) {
    const owner = declaredName(type.symbol);
    return checker.getPropertiesOfType(type)
      .map((property) => ({
        name: property.name,
        required: !(property.flags & ts.SymbolFlags.Optional),
        deprecated: isDeprecated(property),
        type: this.type(checker.getTypeOfSymbol(property), `${owner}.${property.name}`),
      }))
      .sort((a, b) => compare(a.name, b.name));
  }

  /** @param where names an enum that is found here first */
  type(type, where) {
    const members = type.isUnion() ? type.types : [type];
    const found = new Map(); // keyed by text, since a union may repeat itself
    const values = [];
    let open = false;
    for (const member of members) {
      if (member.flags & ts.TypeFlags.Undefined) continue;
      if (isOtherString(member)) open = true;
      else if (member.isStringLiteral()) values.push(member.value);
      else {
        const one = this.alternative(member, where);
        found.set(JSON.stringify(one), one);
      }
    }
    const alternatives = [...found.values(), ...this.values(values, open, where)];
    return mergeEmpty(alternatives).sort((a, b) => compare(rank(a), rank(b)));
  }

  alternative(type, where) {
    const { flags } = type;
    if (flags & ts.TypeFlags.String) return 'string';
    if (flags & ts.TypeFlags.Number) return 'number';
    if (flags & ts.TypeFlags.BooleanLike) return 'boolean';
    if (flags & ts.TypeFlags.Null) return 'null';
    if (isNamed(type, 'Decimal')) return 'decimal';
    if (isNamed(type, 'Uint8Array')) return 'bytes';
    assert(isObject(type), `${where} is of type ${checker.typeToString(type)}`);
    if (checker.isArrayType(type)) {
      return { array: this.type(checker.getTypeArguments(type)[0], `${where}[]`) };
    }
    const [index, ...more] = checker.getIndexInfosOfType(type);
    if (index) {
      const pure = more.length === 0 && checker.getPropertiesOfType(type).length === 0;
      assert(pure && index.keyType.flags & ts.TypeFlags.String, `${where} is half a map`);
      return { map: this.type(index.type, `${where}{}`) };
    }
    assert(type.getCallSignatures().length === 0, `${where} is a function`);
    return this.shape(type);
  }

  shape(type) {
    if (this.finished.has(type)) return this.finished.get(type);
    const declared = declaredName(type.symbol);
    // A shape that holds itself: the reference makes its content unlike any
    // other's, so it will keep the name that is used here.
    if (this.unfinished.has(type)) return { ref: declared };
    this.unfinished.add(type);
    const fields = this.fields(type);
    this.unfinished.delete(type);
    const shape = fields.length === 0 ? '{}' : this.share(this.model.shapes, declared, fields);
    this.finished.set(type, shape);
    return shape;
  }

  /** The alternatives that a union's string literals amount to. */
  values(all, open, where) {
    const values = all.filter((value) => value !== '').sort(compare);
    const blank = values.length < all.length ? ['blank'] : [];
    if (values.length === 0) {
      assert(!open, `${where} is an open enum without values`);
      return blank;
    }
    if (values.length <= INLINE_VALUES) return [...blank, { open, values }];
    return [...blank, this.share(this.model.enums, where.replace(/[[\]{}]/g, ''), { open, values })];
  }

  /** Stores a shape or enum unless an equal one is there, and refers to it. */
  share(store, declared, content) {
    const key = JSON.stringify([declared.split('.').pop(), content]);
    if (!this.names.has(key)) {
      const taken = this.model.shapes.has(declared) || this.model.enums.has(declared);
      assert(!taken, `two different declarations are called ${declared}`);
      this.names.set(key, declared);
      store.set(declared, content);
    }
    return { ref: this.names.get(key) };
  }
}

/**
 * `null` and `''` say the same to Stripe's form encoding, and a type that takes
 * null takes `''` too, be it as a string like any other: both become `empty`.
 */
function mergeEmpty(alternatives) {
  const both = alternatives.includes('null') && ['blank', 'string'].some((one) => alternatives.includes(one));
  if (!both) return alternatives;
  return ['empty', ...alternatives.filter((one) => one !== 'null' && one !== 'blank')];
}

function rank(alternative) {
  const kind = typeof alternative === 'string' ? alternative : Object.keys(alternative).at(-1);
  return String.fromCharCode(65 + ORDER.indexOf(kind)) + JSON.stringify(alternative);
}

/** The string that any string may stand for: the mark of an open enum. */
function isOtherString(type) {
  return type.isIntersection() && isNamed(type, 'OtherString');
}

function isNamed(type, name) {
  return type.aliasSymbol?.name === name || type.symbol?.name === name;
}

function isObject(type) {
  return Boolean(type.flags & ts.TypeFlags.Object);
}

/** `CustomerCreateParams.Shipping`: the declaration's name with its namespaces. */
function declaredName(symbol) {
  const names = [];
  for (let one = symbol; one && !one.declarations?.some(ts.isSourceFile); one = one.parent) {
    names.unshift(one.name);
  }
  return names.join('.');
}
