module.exports = { connections: ['Stripe'], requests: ['StripeRequest', 'StripeListAll', 'StripeListPage'] };
