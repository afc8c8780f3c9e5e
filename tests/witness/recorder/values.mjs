// The values that cases are made of: ordinary ones, and those that encoders get
// wrong. Numbers are such that JavaScript writes them back as it read them, and
// no key looks like an integer, since JavaScript would move it to the front.

const WORDS = [
  'jenny', 'rosen', 'blue', 'shirt', 'annual', 'plan', 'order', 'north', 'invoice', 'trial', 'refund', 'spare', 'part',
];

/** Text whose every character has a reason to be escaped, or not to be. */
const AWKWARD_TEXTS = [
  '',
  ' ',
  ' leading and trailing ',
  "!*'()[]&=+ %/?#:;,@$\"<>\\^`{}|~",
  '-_.~',
  'a=b&c=d',
  '100% off + 1 free',
  '%20 %2F %5B %zz',
  'items[0][price]',
  '[',
  ']]',
  'line one\nline two\r\n\ttabbed',
  '\u0000\u0001\u001f\u007f\u0085',
  'Zoë Müller-Łukasiewicz',
  '日本語 テキスト',
  'שלום مرحبا',
  '👍🏽 👩‍👩‍👧 𝄞',
  'e\u0301 \u00a0 \u2028 \u2029 \ufeff',
  '\uffff \u{10ffff}',
  'null',
  'true',
  '007',
  '1.0',
  '{"json": ["text", null]}',
  '<script>alert("1")</script>',
  'C:\\temp\\file',
];

const AWKWARD_NUMBERS = [
  0, -1, 1, 100, 2147483648, -2147483649, 9007199254740991, -9007199254740991, 9007199254740992, 18014398509481984,
  0.1, -0.5, 12.34, 0.000001, 1e-7, 1234567.891, 99.99,
];

const AWKWARD_KEYS = [
  'order id', 'a[b]', 'a.b', 'größe', '注文', '100%', 'a=b&c', 'k+v', "it's", '"quoted"', '-1', '01', '1.5', '👍', 'tab\there',
  '[]', 'data[x', 'https://example.com/?q=1#top',
];

const AWKWARD_IDS = [
  'a/b', '/leading', '../customers', '..a', '...', 'a b', ' a ', '100%', '%2e%2e', '%2F', 'é', '日本', '👍', 'a?b#c', 'a+b&c=d',
  "!'()*~-_.", '[0]', ':;,@$', '"<>\\^`{}|', 'a\nb\tc', 'acct_1/../../v1/charges', 'id.with.dots', 'null', '0', 'a\u0000b',
];

/** What a value may be where the schema says nothing, or is ignored. */
const ANYTHING = [
  null, true, false, [], {}, [null], [[]], [{}], [[1, 2], [3]], { a: { b: { c: [] } } }, [{ a: null }, 'b', 3, false],
];

export function plainText(random, name) {
  if (/email/.test(name)) return `${random.pick(WORDS)}@example.com`;
  if (/currency/.test(name)) return random.pick(['eur', 'usd', 'jpy']);
  if (/country/.test(name)) return random.pick(['DE', 'US', 'JP']);
  if (/url|website/.test(name)) return `https://example.com/${random.pick(WORDS)}?a=1`;
  if (name === 'expand') return random.pick(['customer', 'data.customer', 'latest_charge.refunds']);
  return `${random.pick(WORDS)} ${random.pick(WORDS)}`;
}

export function plainNumber(random) {
  return random.chance(0.5) ? random.between(0, 100) : random.between(1, 2_000_000_000);
}

export function plainDecimal(random) {
  return `${random.below(1000)}.${random.below(100)}`;
}

export function plainKey(random) {
  return `${random.pick(WORDS)}_${random.pick(WORDS)}`;
}

export function plainId(random, name) {
  const digits = Array.from({ length: 12 }, () => random.below(36).toString(36)).join('');
  return `${name.replace(/Id$/, '').slice(0, 4)}_1${digits}`;
}

export const awkwardText = (random) => random.pick(AWKWARD_TEXTS);
export const awkwardNumber = (random) => random.pick(AWKWARD_NUMBERS);
export const awkwardKey = (random) => random.pick(AWKWARD_KEYS);
export const awkwardId = (random) => random.pick(AWKWARD_IDS);
export const anything = (random) => structuredClone(random.pick(ANYTHING));
