export { Stripe } from './connections.cjs';
export type { ListProperties, Request } from './connections.cjs';
