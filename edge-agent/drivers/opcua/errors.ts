/** Typed faults of an OPC UA exchange, with whether trying again can help. */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';

export type OpcUaFault =
  /** No answer within the deadline. The connection is given up. */
  | 'OPCUA_TIMEOUT'
  /** No connection, or the channel or session broke. */
  | 'OPCUA_CONNECTION'
  /** The server's certificate is not trusted here. */
  | 'OPCUA_UNTRUSTED'
  /** The server does not let this client, or this user, in. */
  | 'OPCUA_ACCESS'
  /** The server answered a service with a bad status code. */
  | 'OPCUA_STATUS';

export class OpcUaError extends FieldbidError {
  readonly fault: OpcUaFault;
  /** Name of the status code (OPC 10000-4, 7.39): `BadNodeIdUnknown`; undefined when none came. */
  readonly status: string | undefined;

  constructor(fault: OpcUaFault, what: string, options: { cause?: unknown; status?: string } = {}) {
    const { cause, status } = options;
    super(fault, what, {
      retryable: isRetryable(fault, status),
      ...(cause === undefined ? {} : { cause }),
      details: status === undefined ? {} : { status },
    });
    this.fault = fault;
    this.status = status;
  }
}

/** The session or its channel is gone: a new one has to be made. */
const GONE =
  /^Bad(SessionIdInvalid|SessionClosed|SessionNotActivated|SecureChannel\w+|Connection\w+|Communication\w*|ServerHalted|Shutdown|Disconnect|Tcp\w+|NoCommunication)$/;
/** The server does not let us in: certificate or user. */
const KEPT_OUT =
  /^Bad(User\w+|Identity\w+|SecurityChecksFailed|Certificate\w+|SecurityPolicyRejected|SecurityModeRejected|ApplicationSignatureInvalid)$/;
/** Passes by itself. */
const PASSING =
  /^Bad(TooManyOperations|TooManySessions|TooManyPublishRequests|OutOfMemory|ResourceUnavailable|ServerTooBusy|WaitingForInitialData|WaitingForResponse|NotConnected|DeviceFailure|SensorFailure|OutOfService|RequestTimeout|Timeout|InvalidState)$/;

function isRetryable(fault: OpcUaFault, status: string | undefined): boolean {
  if (fault === 'OPCUA_TIMEOUT' || fault === 'OPCUA_CONNECTION') return true;
  return fault === 'OPCUA_STATUS' && status !== undefined && PASSING.test(status);
}

/** Status code in the text of an error of the library, which has no other place for it. */
function statusIn(text: string): string | undefined {
  return /\b(Bad[A-Z]\w+)/.exec(text)?.[1];
}

/**
 * What the library threw, as ours.
 * @param what the exchange, for the sentence: `opc.tcp://… , reading 14 nodes`
 */
export function typedError(error: unknown, what: string): FieldbidError {
  if (error instanceof FieldbidError && error.code !== 'DEADLINE') return error;
  const text = oneLine(messageOf(error));
  if (error instanceof FieldbidError) return new OpcUaError('OPCUA_TIMEOUT', text, { cause: error });
  // Found out by the library before it asks: it has no status code then.
  if (/user token policy|cannot find an endpoint matching|end point must exist/i.test(text)) {
    const offer = 'the server does not offer this (user, securityMode, securityPolicy)';
    return new OpcUaError('OPCUA_ACCESS', `${what}: ${offer}: ${text}`, { cause: error });
  }
  const status = statusIn(text);
  const because = status === undefined ? {} : { status };
  // The library gives up a request after the same deadline as we do.
  if (status === 'BadTimeout' || /transaction has timed out/i.test(text)) {
    return new OpcUaError('OPCUA_TIMEOUT', `${what}: ${text}`, { cause: error, ...because });
  }
  if (status === undefined || GONE.test(status)) {
    return new OpcUaError('OPCUA_CONNECTION', `${what}: ${text}`, { cause: error, ...because });
  }
  const fault: OpcUaFault = KEPT_OUT.test(status) ? 'OPCUA_ACCESS' : 'OPCUA_STATUS';
  return new OpcUaError(fault, `${what}: ${text}`, { cause: error, ...because });
}

function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length > 300 ? `${flat.slice(0, 297)}...` : flat;
}
