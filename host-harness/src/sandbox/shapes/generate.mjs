// Makes objects.txt, answers.txt and thin_events.txt: which fields Stripe's objects have, which object
// each operation answers with, and which thin events there are. Only facts are taken from the official client (names, types, which
// fields may be null, which parameters are required), never its sentences or code.
//
//   mkdir /tmp/npm && cd /tmp/npm && npm install stripe@23.1.0 typescript@5
//   node generate.mjs /tmp/npm/node_modules
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const modules = path.resolve(process.argv[2] ?? 'node_modules');
const require = createRequire(path.join(modules, 'index.js'));
const ts = require('typescript');
const stripe = path.join(modules, 'stripe');
const resources = path.join(stripe, 'cjs/resources');
const release = JSON.parse(fs.readFileSync(path.join(stripe, 'package.json'))).version;
const apiVersion = /ApiVersion = '([^']+)'/.exec(
  fs.readFileSync(path.join(stripe, 'cjs/apiVersion.js'), 'utf8'))[1];

const walk = (dir) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? walk(path.join(dir, entry.name)) : [path.join(dir, entry.name)]);
const files = walk(resources).filter((file) => file.endsWith('.d.ts')).sort();
const program = ts.createProgram(files, {
  strict: true, skipLibCheck: true, module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16,
});
const checker = program.getTypeChecker();

const parts = (type) => (type.isUnion() ? type.types : [type]);
const isNull = (type) => (type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) !== 0;
const nameOf = (type) => (type.aliasSymbol ?? type.symbol)?.name ?? '';
/** The constant of an object's `object` field, which names its kind. */
function kindOf(type) {
  const property = type.getProperty?.('object');
  if (!property) return null;
  const value = checker.getTypeOfSymbol(property);
  return value.isStringLiteral?.() ? value.value : null;
}

const objects = new Map();
function scalar(type) {
  const some = parts(type).filter((part) => !isNull(part));
  if (some.length === 0) return '';
  if (some.every((part) => part.flags & ts.TypeFlags.BooleanLike)) return ':b';
  if (some.every((part) => part.flags & ts.TypeFlags.NumberLike)) return ':i';
  return '';
}
/** The value a required field of a fresh object most likely has. */
const early = ['draft', 'open', 'pending', 'active', 'requires_input', 'created', 'available', 'automatic', 'none'];
function usual(types) {
  const values = types.filter((type) => type.isStringLiteral()).map((type) => type.value);
  const value = early.find((each) => values.includes(each)) ?? values[0];
  return value && /^[\w.-]+$/.test(value) ? `=${value}` : '';
}
function fieldOf(symbol, depth, seen) {
  const declared = checker.getTypeOfSymbol(symbol);
  const optional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
  const nullable = parts(declared).some((part) => part.flags & ts.TypeFlags.Null);
  const marks = (optional ? '~' : '') + (nullable ? '?' : '');
  const some = parts(declared).filter((part) => !isNull(part));
  const name = symbol.name;
  const plain = scalar(declared);
  if (plain) return name + marks + plain;
  if (some.some((part) => part.flags & ts.TypeFlags.StringLike)) return name + marks + (marks ? '' : usual(some));
  if (some.length !== 1) return name + marks + (some.some((part) => kindOf(part)) ? '' : ':o');
  const [only] = some;
  if (checker.isArrayType(only)) return name + marks + ':a';
  if (/^(Api)?List$|^ApiList/.test(nameOf(only))) {
    const item = (only.aliasTypeArguments ?? checker.getTypeArguments(only) ?? [])[0];
    return `${name}${marks}:l${item ? `=${parts(item).map(kindOf).filter(Boolean).join('|') || '-'}` : ''}`;
  }
  if (/Metadata/.test(nameOf(only)) || (only.flags & ts.TypeFlags.Any)) return name + marks + ':o';
  if (kindOf(only)) return `${name}${marks}:=${kindOf(only)}`;
  if (nameOf(only) === 'Decimal') return name + marks + (marks ? '' : '=0');
  const inner = only.getProperties();
  if (depth >= 3 || inner.length === 0 || seen.includes(only) || checker.getIndexInfoOfType(only, ts.IndexKind.String)) {
    return name + marks + ':o';
  }
  return `${name}${marks}{${inner.map((child) => fieldOf(child, depth + 1, [...seen, only])).join(' ')}}`;
}
function register(type) {
  const kind = kindOf(type);
  if (kind && !/Deleted/.test(nameOf(type)) && !objects.has(kind)) {
    objects.set(kind, type.getProperties()
      .filter((symbol) => symbol.name !== 'deleted' && symbol.name !== 'object')
      .map((symbol) => fieldOf(symbol, 1, [type])).join(' '));
  }
  return kind ?? '-';
}

const answers = new Map();
const names = { i: new Map(), b: new Map(), s: new Map() };
function note(name, type) {
  const code = scalar(type).slice(1) || 's';
  const some = parts(type).filter((part) => !isNull(part));
  const loose = code === 's' && some.some((part) => part.flags & ts.TypeFlags.NumberLike) ? 'i' : code;
  names[loose].set(name, (names[loose].get(name) ?? 0) + 1);
}
function noteDeep(type, seen) {
  for (const part of parts(type)) {
    if (isNull(part) || seen.has(part)) continue;
    if (checker.isArrayType(part)) { noteDeep(checker.getTypeArguments(part)[0], seen); continue; }
    if (!(part.flags & ts.TypeFlags.Object) || part.getProperty('byteLength')) continue;
    seen.add(part);
    for (const symbol of part.getProperties()) {
      const inner = checker.getTypeOfSymbol(symbol);
      if (symbol.name === 'metadata') continue;
      note(symbol.name, inner);
      noteDeep(inner, seen);
    }
  }
}
for (const file of files) {
  const script = fs.readFileSync(file.replace(/\.d\.ts$/, '.js'), 'utf8');
  const source = program.getSourceFile(file);
  ts.forEachChild(source, (node) => {
    if (!ts.isClassDeclaration(node) || !node.name?.text.endsWith('Resource')) return;
    const start = script.indexOf(`class ${node.name.text} `);
    const body = script.slice(start, script.indexOf('\nclass ', start + 1) >>> 0);
    for (const member of node.members) {
      if (!ts.isMethodDeclaration(member)) continue;
      const method = member.name.text;
      const from = body.search(new RegExp(`\\n    (?:async )?${method}\\(`));
      const call = /_makeRequest\('(\w+)', ['`]([^'`]+)['`]/.exec(body.slice(from));
      if (from < 0 || !call) continue;
      const url = call[2].replace(/\$\{encodeURIComponent\((\w+)\)\}/g, '{}');
      const signature = checker.getSignatureFromDeclaration(member);
      const returned = checker.getReturnTypeOfSignature(signature);
      const wrapper = nameOf(returned);
      let inner = (returned.aliasTypeArguments ?? checker.getTypeArguments(returned) ?? [])[0];
      if (!inner) continue;
      const item = wrapper.includes('Promise') && !/List|Search/.test(wrapper) && inner.aliasTypeArguments?.[0]
        ? inner.aliasTypeArguments[0] : inner;
      const kinds = [...new Set(parts(item).map((part) => register(part)))];
      const deleted = parts(item).every((part) => part.getProperty?.('deleted') &&
        scalar(checker.getTypeOfSymbol(part.getProperty('deleted'))) === ':b' && !part.getProperty('metadata') && !part.getProperty('created'));
      const form = /Search/.test(wrapper) ? 'search:' : /List/.test(wrapper) ? 'list:' : deleted ? 'deleted:' : '';
      const params = signature.parameters.find((parameter) => parameter.name === 'params');
      let accepted = '';
      if (params) {
        const type = checker.getNonNullableType(checker.getTypeOfSymbol(params));
        if (url.startsWith('/v1/')) noteDeep(type, new Set());
        accepted = parts(type).flatMap((part) => part.getProperties()).map((symbol) => {
          const declared = checker.getTypeOfSymbol(symbol);
          return symbol.name + scalar(declared) + (symbol.flags & ts.SymbolFlags.Optional ? '' : '!');
        }).sort().join(' ');
      }
      answers.set(`${url} ${call[1]}`, `${call[1].padEnd(6)} ${url}  ${form}${kinds.join('|')}  ${accepted}`.trimEnd());
    }
  });
}
/** Thin events: their names, and the kind of the object each is about. */
const events = new Map();
const source = program.getSourceFile(path.join(resources, 'V2/Core/Events.d.ts'));
ts.forEachChild(source, (node) => {
  if (!ts.isInterfaceDeclaration(node) || !node.name.text.endsWith('Event')) return;
  const type = checker.getTypeAtLocation(node);
  const of = (name) => {
    const property = type.getProperty(name);
    return property && checker.getTypeOfSymbol(property);
  };
  const name = of('type');
  if (!name?.isStringLiteral()) return;
  const related = of('related_object');
  const fetched = of('fetchRelatedObject')?.getCallSignatures()[0];
  const kind = fetched && kindOf(checker.getTypeArguments(checker.getReturnTypeOfSignature(fetched))[0]);
  events.set(name.value, related ? `${kind ?? '?'}${related.getProperty('id') ? '' : ' singleton'}` : '-');
});
// A name that is a number in one place and text in another is what it is more often.
const count = (code, name) => names[code].get(name) ?? 0;
const only = (code) => [...names[code].keys()].filter((name) =>
  ['i', 'b', 's'].every((other) => count(other, name) <= count(code, name))).sort();
const here = import.meta.dirname;
const origin = `# Stripe API ${apiVersion}, facts taken from stripe ${release} (npm) by generate.mjs. Do not edit by hand.`;
fs.writeFileSync(path.join(here, 'objects.txt'), `${origin}
# One line per kind of object: its name and its fields. After a field's name: ~ may be absent,
# ? may be null, :i number, :b boolean, :a array, :o free object, :l list (of), :=kind an object
# of that kind, {…} an object with these fields; nothing means text or an
# id, =word text that is usually this word in a new object.
${[...objects].sort().map(([kind, fields]) => `${kind} ${fields}`).join('\n')}
`);
fs.writeFileSync(path.join(here, 'answers.txt'), `${origin}
# One line per operation: verb, path, the kind of object it answers with (list: search: deleted:
# say in which form), and the parameters it takes (:i number, :b boolean, ! required). The two
# lines in capitals name the nested parameters that are numbers or booleans wherever they occur.
INTEGERS ${only('i').join(' ')}
BOOLEANS ${only('b').join(' ')}
${[...answers].sort().map(([, line]) => line).join('\n')}
`);
fs.writeFileSync(path.join(here, 'thin_events.txt'), `${origin}
# One line per thin event: its name and the kind of object it is about, - where it names none;
# singleton says that the object has no id of its own.
${[...events].sort().map(([name, kind]) => `${name} ${kind}`).join('\n')}
`);
