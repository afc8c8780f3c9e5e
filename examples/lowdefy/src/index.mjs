import stripe from './stripe.cjs';

export const { request, stripeRequest, StripeError } = stripe;
