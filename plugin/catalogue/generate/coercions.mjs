// Whole numbers beyond 2^53 that Stripe's v2 API wants as JSON strings. The
// client's request schemas name those fields (`int64_string`); a number written
// there must reach Stripe as text. Only what changes a plain JSON value is kept:
// `decimal_string` concerns a class of the client's own and never touches JSON.

/**
 * Lines of a request schema, sorted. A union is kept even when it holds no
 * integer, since the client refuses an object there without its discriminator.
 */
export function coercionLines({ name, requestSchema }) {
  return requestSchema ? [...walk(requestSchema, '')].map((line) => `${name}  ${line}`).sort() : [];
}

/** Whether a number sent to this operation may have to become a string. */
export function hasInt64(operation) {
  return coercionLines(operation).some((line) => line.endsWith('  int64'));
}

function* walk(schema, path) {
  switch (schema.kind) {
    case 'int64_string':
      yield `${path}  int64`;
      return;
    case 'decimal_string':
      return;
    case 'object':
      for (const [field, inner] of Object.entries(schema.fields)) yield* walk(inner, `${path}.${field}`);
      return;
    case 'array':
      yield* walk(schema.element, `${path}[]`);
      return;
    case 'nullable':
      yield* walk(schema.inner, path);
      return;
    case 'discriminatedUnion':
      yield `${path}  union ${schema.discriminator}: ${Object.keys(schema.variants).join(' ')}`;
      for (const [variant, inner] of Object.entries(schema.variants)) yield* walk(inner, `${path}<${variant}>`);
      return;
    default:
      throw new Error(`unexpected client: request schema of kind ${schema.kind}`);
  }
}
