import stripe from './stripe.cjs';

export const { constructEvent, listAll, listPage, request, stripeRequest, StripeError } = stripe;
