/** What a peer's gateway says when something goes wrong, in the terms of the `Ledger` port. */
import { refusalIn } from '@fieldbid/chaincode/fabric/refusal-text';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { status as grpcStatus } from '@grpc/grpc-js';
import { GatewayError } from '@hyperledger/fabric-gateway';
import type { Refusal } from '../ledger.ts';

/** gRPC codes of a peer, an orderer or a contract service that is away, starting, or busy. */
const AWAY: ReadonlySet<number> = new Set([
  grpcStatus.UNAVAILABLE,
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.ABORTED,
  grpcStatus.FAILED_PRECONDITION,
  grpcStatus.RESOURCE_EXHAUSTED,
  grpcStatus.CANCELLED,
  grpcStatus.INTERNAL,
  grpcStatus.UNKNOWN,
]);

/**
 * Behind codes that otherwise pass: an identity that nobody knows, and a fault inside the contract, which is the same at
 * the next try.
 */
const PERMANENT = /access denied|creator org unknown|chaincode response 500/;

export interface FoundRefusal {
  readonly refusal: Refusal;
  /** Organisation whose peer refused; undefined when the gateway's own peer did without saying so. */
  readonly mspId: string | undefined;
}

/** The contract's refusals in a failure, of whichever peers. */
export function refusalsIn(error: unknown): FoundRefusal[] {
  if (!(error instanceof GatewayError)) return [];
  const found = error.details.flatMap(({ message, mspId }) => {
    const refusal = refusalIn(message);
    return refusal === undefined ? [] : [{ refusal, mspId }];
  });
  if (found.length > 0) return found;
  const refusal = refusalIn(error.message);
  return refusal === undefined ? [] : [{ refusal, mspId: undefined }];
}

/** Peers executed the same proposal against different states: one has a block that the other has not got yet. */
export function sawDifferentStates(error: unknown): boolean {
  return error instanceof GatewayError && /ProposalResponsePayloads do not match/.test(textOf(error));
}

/** The network has nobody, for the moment, who could answer; not that it knows nobody of the identity. */
export function isAway(error: unknown): boolean {
  return error instanceof GatewayError && AWAY.has(error.code) && !PERMANENT.test(textOf(error));
}

/** An orderer has looked at it and does not take it: bad, not allowed, or too large. Only a submission reaches one. */
export function isRefusedByOrderer(error: unknown): boolean {
  return (
    error instanceof GatewayError &&
    error.name === 'SubmitError' &&
    /BAD_REQUEST|FORBIDDEN|REQUEST_ENTITY_TOO_LARGE/.test(textOf(error))
  );
}

export function unavailable(what: string, error: unknown): FieldbidError {
  return new FieldbidError('LEDGER_UNAVAILABLE', `${what}: ${textOf(error)}`, {
    cause: error,
    retryable: true,
  });
}

/** What is not away refuses for good: a certificate that nobody knows, a channel that is not there. */
export function faultOf(what: string, error: unknown): FieldbidError {
  if (isAway(error)) return unavailable(what, error);
  return new FieldbidError('LEDGER_FAILED', `${what}: ${textOf(error)}`, { cause: error });
}

/** With what each peer said, bounded. */
export function textOf(error: unknown): string {
  if (!(error instanceof GatewayError)) return messageOf(error);
  const details = error.details.map(({ mspId, message }) => `${mspId}: ${message}`);
  return [error.message, ...details].join('; ').slice(0, 1000);
}
