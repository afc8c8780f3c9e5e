import type { StripeConnection } from './index.js';

export declare const Stripe: {
  schema: object;
  requests: {
    StripeRequest: {
      (call: { request: object; connection: StripeConnection }): Promise<any>;
      schema: object;
      meta: { checkRead: boolean; checkWrite: boolean };
    };
  };
};
