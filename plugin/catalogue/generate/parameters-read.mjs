// Reads the parameter files back into the model of parameters.mjs. Needs neither
// the client nor a compiler, so that whoever wants the facts can read them.

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
