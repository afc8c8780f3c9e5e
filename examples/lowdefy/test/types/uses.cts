// The same from CommonJS.

import connections = require('lowdefy-stripe-wasm/connections');
import stripe = require('lowdefy-stripe-wasm');
import types = require('lowdefy-stripe-wasm/types');

export const error: stripe.StripeError | undefined = undefined;
export const made: Promise<stripe.StripeResponse<{ id: string }>> = stripe.request({ secretKey: 'sk_test_…' }, 'customers', 'create');
export const check: boolean = connections.Stripe.requests.StripeRequest.meta.checkRead;
export const names: string[] = types.requests;
