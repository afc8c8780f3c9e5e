import connections from './connections.cjs';

export const { Stripe } = connections;
