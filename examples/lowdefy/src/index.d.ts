/** What a person writes under `properties:` of a connection; the component's
 * `connection-schema` has all of them. */
export interface StripeConnection {
  /** Secret key (`sk_…`), restricted key (`rk_…`) or OAuth access token. */
  secretKey?: string;
  apiVersion?: string;
  /** Longest time for one attempt, in milliseconds. */
  timeout?: number;
  maxNetworkRetries?: number;
  telemetry?: boolean;
  /** Threads that make calls, and so the most calls at once; 1 to 64. */
  workers?: number;
  [property: string]: unknown;
}

export interface StripeResponse<T = any> {
  body: T;
  status?: number;
  requestId?: string;
  idempotencyKey?: string;
  attempts: number;
  apiVersion?: string;
  account?: string;
}

/** Why a call failed. */
export class StripeError extends Error {
  case: 'transient' | 'permanent' | 'execution-failed';
  type: string;
  code?: string;
  declineCode?: string;
  param?: string;
  docUrl?: string;
  requestId?: string;
  status?: number;
  attempts: number;
  retryAfterMs?: number;
  idempotencyKey?: string;
  /** Whether Stripe may have acted on the call although it failed. */
  mayHaveBeenSent: boolean;
  path?: string;
  /** Stripe's error object, as JSON. */
  raw?: string;
}

export interface CallOptions {
  /** Gives the call up. A request it has sent by then may have been acted on. */
  signal?: AbortSignal;
}

export function request<T = any>(
  connection: StripeConnection,
  resource: string,
  method: string,
  args?: unknown,
  options?: CallOptions,
): Promise<StripeResponse<T>>;

export function stripeRequest<T = any>(
  connection: StripeConnection,
  properties: Record<string, unknown>,
  options?: CallOptions,
): Promise<StripeResponse<T>>;
