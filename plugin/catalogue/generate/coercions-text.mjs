// Lays out coercions.txt.

import { coercionLines } from './coercions.mjs';
import { heading } from './text.mjs';

export function coercionsText(operations) {
  const lines = operations.flatMap(coercionLines);
  return `${heading('Integer fields that Stripe wants as strings, and the unions on the way to them.')}
# ${lines.length} rows: operation, path, what stands there.
#
# A path starts at params: ".name" is a field, "[]" each element of an array, and
# "<variant>" the object of a union that names this variant. A value that is not of
# the path's form stays as it is.
#
#   int64                 a number here is sent as a string of its digits
#   union FIELD: a b ...  an object here must have FIELD, a string that names its
#                         variant; with a name not among a b ... it stays as it is
${lines.length > 0 ? '\n' : ''}${lines.map((line) => `${line}\n`).join('')}`;
}
