export * from './stripe.cjs';
