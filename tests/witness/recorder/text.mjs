// JSON as it stands in the recordings: compact, and without characters that an
// editor, a terminal or a line-wise reader would take for something else.

const INVISIBLE = /[\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\uffff]/g;

export function jsonText(value) {
  return visible(JSON.stringify(value));
}

/** The same JSON text, its invisible characters escaped. */
export function visible(text) {
  return text.replace(INVISIBLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Orders by code unit, so that no machine's locale has a say. */
export function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
