/**
 * The project's one error family. A bug throws a plain `TypeError`/`RangeError`; everything an operator can
 * meet throws a `FieldbidError`; an expected refusal (a bid rejected, a device that declines) is not thrown
 * but returned as a union with its reason.
 */

export interface ErrorOptionsWithDetails {
  cause?: unknown;
  /** True when the same call may succeed later without anything being changed. */
  retryable?: boolean;
  details?: Record<string, unknown>;
}

/** Base class: a stable `code` for programs, a sentence for people, `retryable` for loops. */
export class FieldbidError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, options: ErrorOptionsWithDetails = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** Where a wrong input stands, what was found there and what was expected. */
export interface InputFault {
  /** File or message the input came from, e.g. `scenarios/day.yaml:14:5` or `POST /v1/bids`. */
  source: string;
  /** Path inside it, e.g. `/ders/3/phases`; empty for the whole input. */
  path: string;
  found: string;
  expected: string;
}

/** Wrong input from outside (file, message, flag). One fault, named in full: source, path, found, expected. */
export class InputError extends FieldbidError {
  readonly fault: InputFault;

  constructor(fault: InputFault, options: ErrorOptionsWithDetails = {}) {
    const at = fault.path === '' ? fault.source : `${fault.source} at ${fault.path}`;
    super('INVALID_INPUT', `${at}: found ${fault.found}, expected ${fault.expected}`, {
      ...options,
      details: { ...fault, ...options.details },
    });
    this.fault = fault;
  }
}

/** Something outside did not answer within its deadline. Always retryable. */
export class DeadlineError extends FieldbidError {
  constructor(what: string, deadline_ms: number, options: ErrorOptionsWithDetails = {}) {
    super('DEADLINE', `${what} did not answer within ${Math.round(deadline_ms)} ms`, {
      retryable: true,
      ...options,
    });
  }
}

/** The message of anything thrown, for logs and screens; never a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of anything thrown: a FieldbidError's own, a system error's (`ECONNREFUSED`), else `UNEXPECTED`. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return 'UNEXPECTED';
}

/** A short, bounded rendering of a value for an error message. */
export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/**
 * Waits for `promise` at most `deadline_ms` real milliseconds.
 * @throws DeadlineError naming `what` when it takes longer. The promise itself is not cancelled.
 */
export async function withDeadline<T>(promise: Promise<T>, deadline_ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, deadline_ms)), deadline_ms);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
