// Deliveries of every kind, signed by the official client, with what it makes of
// them. Those that have a name are written by hand; the others are a seed's.

import Stripe from 'stripe';
import { Random } from '../random.mjs';

export const stripe = new Stripe('sk_test_webhooks');

/** When everything here was signed, in seconds since 1970. */
const SIGNED_AT = 1_700_000_000;

/** What the client says, as the plugin's codes have it. */
const KINDS = [
  [/No webhook payload/, 'payload_missing'],
  [/No stripe-signature header/, 'header_missing'],
  [/Unable to extract timestamp/, 'header_malformed'],
  [/expected scheme/, 'scheme_missing'],
  [/No webhook secret/, 'secret_missing'],
  [/parsed JavaScript object/, 'payload_parsed'],
  [/No signatures found matching/, 'signature_mismatch'],
  // An empty signature is an accident to it.
  [/secureCompare/, 'signature_mismatch'],
  [/outside the tolerance/, 'timestamp_too_old'],
  [/thin event notification to a function that expects/, 'wrong_kind'],
  [/webhook payload to stripe.parseEventNotification/, 'wrong_kind'],
  [/Unexpected object type/, 'wrong_kind'],
  [/JSON/, 'not_json'],
];

/** What the client makes of a delivery: `accepted`, or why not. */
export function judged({ thin, payload, header, secrets, tolerance, receivedAt }) {
  const verify = thin ? stripe.parseEventNotification.bind(stripe) : stripe.webhooks.constructEvent.bind(stripe.webhooks);
  let outcome = 'secret_missing';
  // The client takes one secret; one that fits is enough where there are several.
  for (const secret of secrets) {
    try {
      verify(payload, header, secret, tolerance ?? undefined, undefined, receivedAt * 1000);
      return 'accepted';
    } catch (error) {
      const known = KINDS.find(([words]) => words.test(error.message));
      if (!known) throw error;
      // What a secret that fits says is more than that another does not.
      if (outcome === 'secret_missing' || outcome === 'signature_mismatch') outcome = known[1];
    }
  }
  return outcome;
}

export function sign(payload, secret, timestamp = SIGNED_AT, scheme = 'v1') {
  return stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp, scheme });
}

const signature = (payload, secret, timestamp) => sign(payload, secret, timestamp).split('v1=')[1];

const SNAPSHOT = JSON.stringify(
  { id: 'evt_1', object: 'event', type: 'invoice.paid', data: { object: { id: 'in_1', total: 1999 } } }, null, 2);
const THIN = JSON.stringify(
  { id: 'evt_2', object: 'v2.core.event', type: 'v1.billing.meter.error_report_triggered', related_object: null });
const UNICODE = '{"id":"evt_3","object":"event","name":"Größe 👩‍💻 \\u00e9 \u2028 \u0000x"}'.replace('\u0000', '');
const SECRET = 'whsec_corpus_one';
const OTHER = 'whsec_corpus_two';

/** A delivery as it should be, but for what is given. */
function delivery(id, changes = {}) {
  const made = { id, thin: false, payload: SNAPSHOT, secrets: [SECRET], tolerance: null, receivedAt: SIGNED_AT + 10, ...changes };
  made.header ??= sign(made.payload, SECRET);
  return made;
}

/** The same where the plugin deliberately does otherwise; see tests/webhooks/README.md. */
const but = (difference, plugin, made) => ({ ...made, difference, plugin });

export function written() {
  const good = signature(SNAPSHOT, SECRET);
  const forged = signature(SNAPSHOT, OTHER);
  const compact = JSON.stringify(JSON.parse(SNAPSHOT));
  return [
    delivery('good'),
    delivery('good-unicode', { payload: UNICODE }),
    delivery('good-with-line-end', { payload: `${SNAPSHOT}\n` }),
    delivery('good-crlf', { payload: SNAPSHOT.replaceAll('\n', '\r\n') }),
    delivery('good-empty-object', { payload: '{}' }),
    delivery('good-large', { payload: JSON.stringify({ object: 'event', filler: 'é'.repeat(50_000) }) }),
    delivery('good-odd-secret', { header: sign(SNAPSHOT, 'täst secret'), secrets: ['täst secret'] }),
    delivery('good-long-secret', { header: sign(SNAPSHOT, `whsec_${'x'.repeat(200)}`), secrets: [`whsec_${'x'.repeat(200)}`] }),
    delivery('several-v1-last-fits', { header: `t=${SIGNED_AT},v1=${forged},v1=${good}` }),
    delivery('several-v1-first-fits', { header: `t=${SIGNED_AT},v1=${good},v1=${forged}` }),
    delivery('several-v1-none-fits', { header: `t=${SIGNED_AT},v1=${forged},v1=${'0'.repeat(64)}` }),
    delivery('other-schemes-beside', { header: `v0=${forged},t=${SIGNED_AT},v2=x,v1=${good},v9` }),
    delivery('timestamp-last', { header: `v1=${good},t=${SIGNED_AT}` }),
    delivery('timestamp-twice', { header: `t=1,v1=${good},t=${SIGNED_AT}` }),
    delivery('timestamp-twice-wrong', { header: `t=${SIGNED_AT},v1=${good},t=1` }),
    delivery('timestamp-with-zeros', { header: `t=000${SIGNED_AT},v1=${good}` }),
    delivery('rotated-old-first', { secrets: [OTHER, SECRET] }),
    delivery('rotated-new-first', { secrets: [SECRET, OTHER] }),
    delivery('rotated-both-signed', { header: `t=${SIGNED_AT},v1=${forged},v1=${good}`, secrets: [OTHER] }),
    delivery('rotated-away', { secrets: [OTHER, 'whsec_corpus_three'] }),
    delivery('forged-payload', { payload: SNAPSHOT.replace('1999', '1'), header: sign(SNAPSHOT, SECRET) }),
    delivery('forged-signature', { header: `t=${SIGNED_AT},v1=${good.replace(/.$/, (last) => (last === '0' ? '1' : '0'))}` }),
    delivery('forged-timestamp', { header: `t=${SIGNED_AT + 1},v1=${good}` }),
    delivery('wrong-secret', { secrets: [OTHER] }),
    delivery('secret-with-line-end', { secrets: [`${SECRET}\n`] }),
    delivery('upper-case', { header: `t=${SIGNED_AT},v1=${good.toUpperCase()}` }),
    delivery('cut-short', { header: `t=${SIGNED_AT},v1=${good.slice(0, 63)}` }),
    delivery('one-digit-more', { header: `t=${SIGNED_AT},v1=${good}0` }),
    delivery('empty-signature', { header: `t=${SIGNED_AT},v1=` }),
    delivery('space-after-comma', { header: `t=${SIGNED_AT}, v1=${good}` }),
    delivery('equals-behind', { header: `t=${SIGNED_AT},v1=${good}=` }),
    delivery('age-300', { receivedAt: SIGNED_AT + 300 }),
    delivery('age-301', { receivedAt: SIGNED_AT + 301 }),
    delivery('age-of-own-tolerance', { receivedAt: SIGNED_AT + 10, tolerance: 10 }),
    delivery('age-over-own-tolerance', { receivedAt: SIGNED_AT + 11, tolerance: 10 }),
    delivery('any-age', { receivedAt: SIGNED_AT + 100_000_000, tolerance: 0 }),
    delivery('future', { receivedAt: SIGNED_AT - 100_000 }),
    delivery('old-and-forged', { receivedAt: SIGNED_AT + 1000, secrets: [OTHER] }),
    delivery('v0-only', { header: sign(SNAPSHOT, SECRET, SIGNED_AT, 'v0') }),
    delivery('no-header', { header: '' }),
    delivery('no-timestamp', { header: `v1=${good}` }),
    delivery('nothing-known', { header: 'gibberish' }),
    delivery('no-payload', { payload: '', header: sign(SNAPSHOT, SECRET) }),
    delivery('no-payload-and-no-header', { payload: '', header: '' }),
    delivery('blank-secret', { secrets: [' \t'] }),
    delivery('no-secret', { secrets: [] }),
    delivery('not-json', { payload: 'a=1&b=2' }),
    delivery('thin', { thin: true, payload: THIN }),
    delivery('thin-without-object', { thin: true, payload: '{"id":"evt_4"}' }),
    delivery('thin-forged', { thin: true, payload: THIN, secrets: [OTHER] }),
    delivery('thin-as-snapshot', { payload: THIN }),
    delivery('snapshot-as-thin', { thin: true }),
    delivery('object-as-thin', { thin: true, payload: '{"object":"customer"}' }),
    delivery('thin-old', { thin: true, payload: THIN, receivedAt: SIGNED_AT + 301 }),

    but('parsed', 'payload_parsed', delivery('reserialized', { payload: compact, header: sign(SNAPSHOT, SECRET) })),
    but('parsed', 'payload_parsed', delivery('reserialized-with-indent', { header: sign(compact, SECRET) })),
    but('parsed', 'payload_parsed', delivery('object-as-text', { payload: '[object Object]', header: sign(SNAPSHOT, SECRET) })),
    but('parsed', 'payload_parsed', delivery('decoded-lossily', { payload: '{"name":"\ufffd"}', header: sign('{"name":"é"}', SECRET) })),
    delivery('parsed', { payload: JSON.parse(SNAPSHOT), header: sign(SNAPSHOT, SECRET) }),
    but('api-key', 'secret_is_api_key', delivery('api-key', { secrets: ['sk_test_corpus'] })),
    but('timestamp', 'header_malformed', delivery('timestamp-no-number', { header: `t=abc,v1=${good}` })),
    but('timestamp', 'header_malformed', delivery('timestamp-with-letters', { header: `t=${SIGNED_AT}x,v1=${good}` })),
    but('timestamp', 'header_malformed', delivery('timestamp-negative', { header: `t=-5,v1=${good}` })),
    but('no-age-of-thin', 'accepted', delivery('thin-any-age', { thin: true, payload: THIN, receivedAt: SIGNED_AT + 1000, tolerance: 0 })),
    but('no-object', 'not_json', delivery('list', { payload: '[]' })),
    but('no-object', 'not_json', delivery('number', { payload: '7' })),
  ];
}

/** Deliveries made up from a seed, good and bad. */
export function madeUp(seed, count) {
  return Array.from({ length: count }, (_, at) => {
    const random = new Random(`${seed} ${at}`);
    const letters = () => Array.from({ length: random.between(1, 40) }, () => random.pick([...'abcXYZ019_-+/= é👍'])).join('');
    const secrets = Array.from({ length: random.between(1, 3) }, () => `whsec_${letters()}`);
    const thin = random.chance(0.3);
    const body = { id: `evt_${letters()}`, object: thin ? 'v2.core.event' : 'event', [letters()]: letters(), n: random.between(-9, 9) };
    const payload = JSON.stringify(body, null, random.pick([0, 2]));
    const timestamp = random.between(1, 2_000_000_000);
    const tolerance = random.pick([null, null, 0, 1, 10, 300, 5000]);
    const age = random.pick([0, 1, 10, 11, 299, 300, 301, 5000, 5001, -10]);
    const own = random.chance(0.8) ? random.pick(secrets) : 'whsec_of_somebody_else';
    let header = sign(payload, own, timestamp);
    if (random.chance(0.2)) header = header.replace('v1=', `v1=${'ab'.repeat(32)},v1=`);
    if (random.chance(0.1)) header = header.slice(0, -random.between(1, 70));
    const asThin = random.chance(0.9) ? thin : !thin;
    const made = {
      id: `made-up-${at}`, thin: asThin, payload, header, secrets,
      tolerance: asThin && tolerance === 0 ? null : tolerance, receivedAt: Math.max(0, timestamp + age),
    };
    return made;
  });
}

export function withOutcome(made) {
  return { ...made, outcome: judged(made) };
}
