// What the data files have in common.

import { release } from './client.mjs';

/** The first lines of a file. The versions are for programs too: one key, one value. */
export function heading(title) {
  return `# ${title}
#
# api-version  ${release.api}
# client       stripe ${release.client} (npm)
# generated    by \`node generate.mjs\` in generate/; do not edit by hand
#`;
}

/** Orders by code unit, so that no machine's locale has a say. */
export function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
