module.exports = { connections: ['Stripe'], requests: ['StripeRequest'] };
