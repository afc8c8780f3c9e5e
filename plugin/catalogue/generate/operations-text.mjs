// Lays out operations.txt: one line per operation in aligned columns, so that a
// person can read it and a new release of the client shows as a small diff.

import { hosts } from './client.mjs';
import { hasInt64 } from './coercions.mjs';
import { heading } from './text.mjs';

const { api, ...others } = hosts;
const otherHosts = Object.entries(others).map(([name, host]) => `${name} (${host})`).join(', ');

/** Each flag: its name, what makes a row carry it (and is its value after `=`), what it means. */
const FLAGS = [
  ['list', (op) => op.methodType === 'list', 'the answer is one page of a list'],
  ['search', (op) => op.methodType === 'search', 'the answer is one page of search results'],
  ['multipart', (op) => op.multipart, 'the body is multipart/form-data'],
  ['binary', (op) => op.binary, 'the answer is a file, not JSON'],
  ['base=NAME', (op) => op.base, `not ${api} but ${otherHosts}`],
  ['own-version', (op) => op.ownVersion, "the call's own options must name an API version"],
  ['local', (op) => op.local, 'sends nothing: the answer is this URL; options.express puts /express before the path'],
  ['client-id', (op) => op.clientId, "client_id, when not given, is the connection's"],
  ['null-id=PATH', (op) => op.pathWithoutId, 'the path when the id is null or not given'],
  ['int64', hasInt64, 'has whole-number fields that travel as strings, listed in coercions.txt'],
  ['alias', (op) => op.aliasOf, 'the same operation under an older resource name'],
  ['legacy', (op) => op.legacy, 'only older API versions have it; not in this release of the client'],
  ['deprecated', (op) => op.deprecated, 'Stripe advises against it'],
];

export function operationsText(operations) {
  const rows = operations.map((op) => [op.name, op.verb, op.path, flagsOf(op).join(' ')]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell, column) => cell.padEnd(widths[column] ?? 0);
  const lines = rows.map((row) => row.map(pad).join('  ').trimEnd());
  return `${header(rows.length)}\n${lines.join('\n')}\n`;
}

function flagsOf(op) {
  return FLAGS.filter(([, reason]) => reason(op)).map(([name, reason]) => {
    const [flag, value] = name.split('=');
    return value ? `${flag}=${reason(op)}` : flag;
  });
}

function header(count) {
  const width = Math.max(...FLAGS.map(([name]) => name.length));
  const flags = FLAGS.map(([name, , meaning]) => `#   ${name.padEnd(width)}  ${meaning}`);
  return `${heading('Operations of the Stripe API, as the official client names them.')}
# ${count} rows: operation, HTTP verb, path, flags. The names in braces are the positional
# arguments, in this order; after them every method takes params and options.
#
${flags.join('\n')}
`;
}
