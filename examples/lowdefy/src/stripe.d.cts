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
  /** Signing secrets (`whsec_…`) for `webhooks.constructEvent`. */
  webhookSecrets?: string[];
  /** Oldest webhook signature accepted, in seconds; 0 for any. */
  webhookTolerance?: number;
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

/** Items of a list, in the order of the walk. */
export interface Listed<T = any> {
  items: T[];
  /** The cursor behind the last item; absent where there are no more. */
  next?: string;
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
  /** Attempts made; 0 for a refusal. Absent where the component stopped. */
  attempts?: number;
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

/** Reads a list page by page, until it ends or has `limit` items. */
export function listAll<T = any>(
  connection: StripeConnection,
  resource: string,
  method: string,
  args: unknown,
  options: CallOptions & { limit: number },
): Promise<Listed<T> & { pages: number }>;

/** Reads one page: the first, or the one that the `next` of another names. */
export function listPage<T = any>(
  connection: StripeConnection,
  resource: string,
  method: string,
  args?: unknown,
  options?: CallOptions & { cursor?: string | null },
): Promise<Listed<T> & { previous?: string; requestId?: string }>;

/** Verifies a webhook and returns its event. Needs no connection, sends nothing. */
export function constructEvent<T = any>(
  /** The request's body exactly as it arrived. */
  payload: string | Uint8Array,
  /** The request's header `stripe-signature`. */
  signature: string | null | undefined,
  /** Signing secrets (`whsec_…`) of the endpoint. */
  secrets: string | string[],
  options?: CallOptions & {
    /** Greatest age in seconds: by default 300; 0 for any. */
    tolerance?: number | null;
    /** When it arrived, in seconds since 1970; by default now. */
    receivedAt?: number | null;
  },
): Promise<T>;
