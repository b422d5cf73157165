/**
 * What a broker, or TLS on the way to it, says no with: as codes of ours and sentences that name what to mend.
 * MQTT 3.1.1 has return codes for CONNACK only (3.2.2.3); MQTT 5 has reason codes everywhere (2.4).
 */
import { DeadlineError, FieldbidError, messageOf } from '../errors.ts';

/** CONNACK and PUBACK codes that no waiting mends. 1, 4, 5 are of MQTT 3.1.1. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [1, 'it does not speak the configured protocolVersion'],
  [0x84, 'it does not speak the configured protocolVersion'],
  [2, 'it does not take the client id'],
  [0x85, 'it does not take the client id'],
  [4, 'user name or password are wrong'],
  [0x86, 'user name or password are wrong'],
  [5, 'not authorised'],
  [0x87, 'not authorised'],
  [0x8a, 'it has banned this client'],
  [0x90, 'it does not take this topic'],
  [0x95, 'the message is larger than it takes'],
  [0x99, 'it does not take this form of payload'],
  [0x9a, 'it keeps no retained messages'],
  [0x9b, 'it does not offer this quality of service'],
]);
const QUOTA_EXCEEDED = 0x97;

/** Codes of Node's TLS for a certificate of the broker that our `caFile` does not vouch for. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
/** A TLS alert is what the broker thinks of our certificate (RFC 8446, 6.2). */
const ALERT = /^ERR_SSL_(TLSV1|SSLV3|TLSV13)_ALERT_/;

/** Why there is no connection. `BUS_REFUSED` is not retryable; `BUS_UNAVAILABLE` is. */
export function connectFault(error: unknown, host: string): FieldbidError {
  const why = refusal(error) ?? tlsRefusal(error);
  if (why !== undefined) {
    const details = { reasonCode: numericCode(error) };
    return new FieldbidError('BUS_REFUSED', `the broker at ${host} refuses us: ${why}`, {
      cause: error,
      details,
    });
  }
  const options = { cause: error, retryable: true };
  return new FieldbidError('BUS_UNAVAILABLE', `no broker at ${host}: ${messageOf(error)}`, options);
}

/** Why a broker did not take a message, or a subscription. `BUS_QUOTA` and `BUS_UNAVAILABLE` are retryable. */
export function exchangeFault(error: unknown, topic: string): FieldbidError {
  const reasonCode = numericCode(error);
  const details = { topic, reasonCode };
  if (reasonCode === QUOTA_EXCEEDED) {
    const sentence = `the broker refuses ${topic}: the quota of this client is used up`;
    return new FieldbidError('BUS_QUOTA', sentence, { cause: error, retryable: true, details });
  }
  const why = refusal(error) ?? (reasonCode === 0x80 ? 'it does not say why' : undefined);
  if (why !== undefined) {
    return new FieldbidError('BUS_REFUSED', `the broker refuses ${topic}: ${why}`, { cause: error, details });
  }
  const sentence = error instanceof DeadlineError ? error.message : `${topic}: ${messageOf(error)}`;
  return new FieldbidError('BUS_UNAVAILABLE', sentence, { cause: error, retryable: true, details });
}

function refusal(error: unknown): string | undefined {
  const code = numericCode(error);
  const why = code === undefined ? undefined : REFUSALS.get(code);
  return why === undefined
    ? undefined
    : `${why} (reason code 0x${(code ?? 0).toString(16).padStart(2, '0')})`;
}

function tlsRefusal(error: unknown): string | undefined {
  const code = stringCode(error);
  if (code === undefined) return undefined;
  if (UNTRUSTED.has(code)) {
    return `its certificate is not vouched for by caFile, or names another host (${code}: ${messageOf(error)})`;
  }
  if (!ALERT.test(code)) return undefined;
  return code.includes('CERTIFICATE') || code.includes('UNKNOWN_CA')
    ? `it does not take our client certificate, or misses one: certFile, keyFile (${code})`
    : `TLS: ${code}`;
}

function numericCode(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

function stringCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
