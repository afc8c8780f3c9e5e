// The client's type declarations, read with the TypeScript compiler. They say
// what the code does not: what parameters a method takes, and whether Stripe
// has marked it as deprecated.

import ts from 'typescript';
import { declarationFile, assert } from './client.mjs';

export const compilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [], // the machine's own @types must not change the outcome
};

const program = ts.createProgram([declarationFile], compilerOptions);

export const checker = program.getTypeChecker();

const clientType = findClientType();

function findClientType() {
  const module = checker.getSymbolAtLocation(program.getSourceFile(declarationFile));
  const symbol = checker.getExportsOfModule(module).find((one) => one.name === 'Stripe');
  assert(symbol, 'no Stripe class is declared');
  return checker.getDeclaredTypeOfSymbol(symbol);
}

/** Follows a dotted operation name to the method's declaration. */
export function declarationOf({ name, ids }) {
  const symbol = name.split('.').reduce((type, key) => {
    const property = checker.getPropertyOfType(type.type, key);
    assert(property, `${name} is not declared`);
    return { property, type: checker.getTypeOfSymbol(property) };
  }, { type: clientType });

  const signatures = symbol.type.getCallSignatures();
  assert(signatures.length === 1, `${name} has ${signatures.length} signatures`);
  const [signature] = signatures;
  const names = signature.parameters.map((parameter) => parameter.name);
  assert(names.join() === [...ids, 'params', 'options'].join(), `${name} is declared as (${names})`);
  const params = signature.parameters[ids.length];
  return {
    deprecated: isDeprecated(symbol.property),
    paramsType: checker.getTypeOfSymbol(params),
    paramsOptional: isOptional(params),
  };
}

export function isDeprecated(symbol) {
  return symbol.getJsDocTags(checker).some((tag) => tag.name === 'deprecated');
}

function isOptional(parameter) {
  return checker.isOptionalParameter(parameter.valueDeclaration);
}
