// Proves the parameter files by another way than the one that made them: the
// committed text is read back and written as TypeScript types, and the compiler
// has to find those identical to the client's own.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { declarationFile } from './client.mjs';
import { compilerOptions } from './declarations.mjs';
import { parseParameters } from './parameters-read.mjs';

const PRIMITIVES = {
  boolean: 'boolean',
  number: 'number',
  string: 'string',
  decimal: 'Decimal',
  bytes: 'Uint8Array',
  empty: "null | ''",
  null: 'null',
  blank: "''",
  '{}': '{}',
};

const module = (path) => JSON.stringify(path.replace(/\.d\.ts$/, '.js'));

const PRELUDE = `
import { Stripe } from ${module(declarationFile)};
import { Decimal, OtherString } from ${module(join(dirname(declarationFile), 'shared.d.ts'))};
declare const client: Stripe;
type Method = (...all: any) => any;
type Given<M extends Method> = Required<Parameters<M>> extends [...infer Ids, unknown, unknown]
  ? Parameters<M>[Ids['length']] : never;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
type Agrees<M extends Method, Params, Optional> =
  [Same<NonNullable<Given<M>>, Params>, Same<undefined extends Given<M> ? true : false, Optional>];
`;

function readCommitted() {
  const folder = fileURLToPath(new URL('../parameters/', import.meta.url));
  const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]);
  return parseParameters(new Map(files));
}

/** Names of the methods whose params are not what the client declares. */
function mismatches(model) {
  const methods = [...model.methods].filter(([, { params }]) => params !== 'any');
  const claims = methods.map(([name, method], at) => {
    const { params, fields } = model.methods.get(method.alias) ?? method;
    const type = `Agrees<typeof client.${name}, ${objectType(fields)}, ${params === 'optional'}>`;
    return `export const claim${at}: ${type} = [true, true];`;
  });
  const declarations = [
    ...[...model.shapes].map(([name, fields]) => `interface ${identifier(name)} ${objectType(fields)}`),
    ...[...model.enums].map(([name, one]) => `type ${identifier(name)} = ${valuesType(one)};`),
  ];
  const before = [...PRELUDE.split('\n'), ...declarations];
  const lines = errorLines([...before, ...claims].join('\n'));
  const wrong = lines.map((line) => methods[line - before.length]?.[0] ?? `line ${line}`);
  return [...new Set(wrong)];
}

function objectType(fields) {
  const members = fields.map(({ name, required, type }) => `${name}${required ? '' : '?'}: ${typeText(type)}`);
  return `{ ${members.join('; ')} }`;
}

function typeText(type) {
  return type.map((one) => {
    if (typeof one === 'string') return PRIMITIVES[one];
    if (one.array) return `Array<${typeText(one.array)}>`;
    if (one.map) return `{ [key: string]: ${typeText(one.map)} }`;
    return one.values ? valuesType(one) : identifier(one.ref);
  }).join(' | ');
}

function valuesType({ open, values }) {
  return [...values.map((value) => JSON.stringify(value)), ...(open ? ['OtherString'] : [])].join(' | ');
}

function identifier(name) {
  return name.replaceAll('.', '_');
}

/** Compiles a module that exists in memory only. */
function errorLines(text) {
  const path = fileURLToPath(new URL('claims.ts', import.meta.url));
  const host = ts.createCompilerHost(compilerOptions);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  const program = ts.createProgram([path], compilerOptions, host);
  const source = program.getSourceFile(path);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    .map(({ start }) => source.getLineAndCharacterOfPosition(start).line);
}

test('the parameter files say what the client declares, for every method', () => {
  const model = readCommitted();
  assert.ok(model.methods.size > 600);
  assert.deepEqual(mismatches(model), []);
});

test('a difference deep inside is noticed', () => {
  const model = readCommitted();
  const bankTransfer = model.shapes.get('CustomerCreateFundingInstructionsParams.BankTransfer');
  bankTransfer.pop();
  model.methods.get('refunds.create').params = 'required';
  assert.deepEqual(mismatches(model), ['customers.createFundingInstructions', 'refunds.create']);
});
