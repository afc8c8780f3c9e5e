// Lays the model of parameters.mjs out as text files, one per resource.
// parameters-read.mjs reads them back, and the check proves that the text says
// all that the model does.

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
