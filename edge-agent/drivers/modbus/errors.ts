/** Typed faults of a Modbus exchange, with whether trying again can help. */
import { FieldbidError } from '@fieldbid/core/errors';

export type ModbusFault =
  /** No answer within the deadline. The connection is closed, so that a late answer finds nobody. */
  | 'MODBUS_TIMEOUT'
  /** No TCP connection, or it broke during the exchange. */
  | 'MODBUS_CONNECTION'
  /** The device answered with an exception code. */
  | 'MODBUS_EXCEPTION'
  /** The answer does not fit the request. */
  | 'MODBUS_MALFORMED';

/** Modbus Application Protocol V1.1b3, section 7: exception codes and what they mean. */
const EXCEPTIONS: Record<number, string> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'device failure',
  5: 'acknowledge, still working on it',
  6: 'device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target did not respond',
};
/** Exceptions that pass by themselves. */
const PASSING = new Set([5, 6, 10, 11]);

export class ModbusError extends FieldbidError {
  readonly fault: ModbusFault;
  /** The exception's code; undefined for other faults. */
  readonly exception: number | undefined;

  constructor(
    fault: ModbusFault,
    what: string,
    options: { cause?: unknown; exception?: number; details?: Record<string, unknown> } = {},
  ) {
    const { exception } = options;
    super(fault, what, {
      retryable: exception === undefined ? true : PASSING.has(exception),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
      details: { ...options.details, ...(exception === undefined ? {} : { exception }) },
    });
    this.fault = fault;
    this.exception = exception;
  }
}

/** `exception 2 (illegal data address)` */
export function exceptionText(code: number): string {
  return `exception ${code} (${EXCEPTIONS[code] ?? 'not in the standard'})`;
}
