import type { Listed, StripeConnection } from './stripe.cjs';

export interface Request<Properties, Answer> {
  (call: { request: Properties; connection: StripeConnection }): Promise<Answer>;
  schema: object;
  meta: { checkRead: boolean; checkWrite: boolean };
}

export interface ListProperties {
  resource: string;
  method: string;
  args?: unknown;
}

export declare const Stripe: {
  schema: object;
  requests: {
    StripeRequest: Request<object, any>;
    StripeListAll: Request<ListProperties & { limit: number }, Listed>;
    StripeListPage: Request<ListProperties & { cursor?: string | null }, Listed>;
  };
};
