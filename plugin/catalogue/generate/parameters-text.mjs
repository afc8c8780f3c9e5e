// Lays the model of parameters.mjs out as text files, one per resource, and
// reads them back. Writing and reading stand together so that the check can
// prove the text says all that the model does.

import { compare, heading } from './text.mjs';

const SHARED = 'shared';

const FORMAT = `${heading('Parameters of the Stripe API, and how to read these files.')}
# One file per resource holds its methods and the shapes and enums that only they
# use; this file holds those that several resources use. Names are unique over all
# files. Blocks are separated by an empty line:
#
#   method NAME params     takes the fields below; params must be given
#   method NAME params?    the same; params may be left out
#   method NAME any        its fields are not known
#   method NAME = NAME     takes what another method takes
#   shape NAME             an object with the fields below
#   enum NAME              one of the strings below
#   open NAME              one of the strings below, or any other string
#
# A field is "name: TYPE", or "name?: TYPE" where it may be left out; "!deprecated"
# follows where Stripe advises against it. A TYPE is one or more of these, with |
# between them:
#
#   string number boolean
#   decimal                a decimal number as a string
#   bytes                  raw bytes
#   empty                  null or "", which clear a value
#   null, blank            only null, only ""
#   enum(a|b)              one of these strings
#   open(a|b)              one of these strings, or any other string
#   [TYPE]                 an array
#   {TYPE}                 an object with any keys
#   {}                     an object without known fields
#   NAME                   a shape or an enum
`;

// ---- writing

/** @returns {Map<string, string>} text by file name */
export function parameterFiles(model) {
  const blocks = new Map([[SHARED, []]]);
  const put = (file, block) => blocks.set(file, [...(blocks.get(file) ?? []), block]);

  for (const [name, method] of model.methods) put(fileOfMethod(name), methodBlock(name, method));
  const home = homes(model);
  for (const [name, fields] of sorted(model.shapes)) put(home.get(name), fieldsBlock(`shape ${name}`, fields));
  for (const [name, { open, values }] of sorted(model.enums)) {
    put(home.get(name), lines(`${open ? 'open' : 'enum'} ${name}`, values));
  }
  return new Map([...blocks].map(([file, all]) => [`${file}.txt`, [header(file), ...all].join('\n')]));
}

function header(file) {
  return file === SHARED ? FORMAT : `# Parameters of ${file}. Generated; shared.txt says how to read it.\n`;
}

function methodBlock(name, method) {
  if (method.alias) return lines(`method ${name} = ${method.alias}`, []);
  const params = { required: 'params', optional: 'params?', any: 'any' }[method.params];
  return fieldsBlock(`method ${name} ${params}`, method.fields);
}

function fieldsBlock(title, fields) {
  return lines(title, fields.map(({ name, required, deprecated, type }) =>
    `${name}${required ? '' : '?'}: ${typeText(type)}${deprecated ? ' !deprecated' : ''}`));
}

function lines(title, body) {
  return [title, ...body.map((line) => `  ${line}`), ''].join('\n');
}

function typeText(type) {
  return type.map((one) => {
    if (typeof one === 'string') return one;
    if (one.array) return `[${typeText(one.array)}]`;
    if (one.map) return `{${typeText(one.map)}}`;
    if (one.values) return `${one.open ? 'open' : 'enum'}(${one.values.join('|')})`;
    return one.ref;
  }).join('|');
}

/** Each shape and enum lives with the one resource that uses it, or is shared. */
function homes(model) {
  const home = new Map();
  const visit = (name, file) => {
    const before = home.get(name);
    if (before === file || before === SHARED) return;
    home.set(name, before ? SHARED : file);
    for (const inner of refs(model.shapes.get(name) ?? [])) visit(inner, home.get(name));
  };
  for (const [name, method] of model.methods) {
    for (const inner of refs(method.fields ?? [])) visit(inner, fileOfMethod(name));
  }
  return home;
}

function refs(fields) {
  const inType = (type) => type.flatMap((one) => (one.ref ? [one.ref] : inType(one.array ?? one.map ?? [])));
  return fields.flatMap(({ type }) => inType(type));
}

function fileOfMethod(name) {
  return name.split('.')[0];
}

function sorted(map) {
  return [...map].sort(([a], [b]) => compare(a, b));
}

// ---- reading

/** The model that a set of files describes. */
export function parseParameters(files) {
  const model = { methods: new Map(), shapes: new Map(), enums: new Map() };
  for (const [file, text] of files) {
    const body = text.split('\n').filter((line) => !line.startsWith('#')).join('\n');
    for (const block of body.split(/\n{2,}/).map((one) => one.trim()).filter(Boolean)) {
      const [title, ...rest] = block.split('\n');
      readBlock(model, title.split(' '), rest.map((line) => line.trim()), file);
    }
  }
  return model;
}

function readBlock({ methods, shapes, enums }, [kind, name, ...more], body, file) {
  const store = { method: methods, shape: shapes, enum: enums, open: enums }[kind];
  if (!store) throw new Error(`${file}: unknown block ${kind} ${name}`);
  if (store.has(name)) throw new Error(`${file}: ${name} stands twice`);
  if (kind === 'shape') store.set(name, body.map(readField));
  else if (kind !== 'method') store.set(name, { open: kind === 'open', values: body });
  else if (more[0] === '=') store.set(name, { alias: more[1] });
  else store.set(name, { params: readParams(more[0]), fields: body.map(readField) });
}

function readParams(word) {
  const found = { params: 'required', 'params?': 'optional', any: 'any' }[word];
  if (!found) throw new Error(`unknown word after a method: ${word}`);
  return found;
}

function readField(line) {
  const parts = /^(\w+)(\??): (\S+)( !deprecated)?$/.exec(line);
  if (!parts) throw new Error(`not a field: ${line}`);
  const [, name, optional, type, deprecated] = parts;
  return { name, required: optional === '', deprecated: deprecated !== undefined, type: readType(type) };
}

function readType(text) {
  const tokens = text.match(/(?:enum|open)\([^)]*\)|\{\}|[\w.]+|[[\]{}|]/g);
  if (tokens.join('') !== text) throw new Error(`not a type: ${text}`);
  const type = readAlternatives(tokens);
  if (tokens.length > 0) throw new Error(`more than a type: ${text}`);
  return type;
}

function readAlternatives(tokens) {
  const type = [readAlternative(tokens)];
  while (tokens[0] === '|') {
    tokens.shift();
    type.push(readAlternative(tokens));
  }
  return type;
}

function readAlternative(tokens) {
  const token = tokens.shift();
  if (token === '[') return closed({ array: readAlternatives(tokens) }, tokens, ']');
  if (token === '{') return closed({ map: readAlternatives(tokens) }, tokens, '}');
  const values = /^(enum|open)\((.*)\)$/.exec(token);
  if (values) return { open: values[1] === 'open', values: values[2].split('|') };
  return /^[A-Z]/.test(token) ? { ref: token } : token;
}

function closed(alternative, tokens, end) {
  if (tokens.shift() !== end) throw new Error(`expected ${end}`);
  return alternative;
}
