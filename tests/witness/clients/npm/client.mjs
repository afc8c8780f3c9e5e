// The official client, as the recorder beside this has it pinned and installed.

import { createRequire } from 'node:module';

const recorder = createRequire(new URL('../../recorder/package.json', import.meta.url));

export const Stripe = recorder('stripe');
export const { errors } = Stripe;
