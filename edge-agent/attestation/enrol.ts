/**
 * Makes a device's key known to its DERA: by the code that the DERA has issued, then from key to key. The code stays
 * here; what crosses the bus is a proof that it is known, bound to this key and these devices.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import {
  codeKeyOf,
  EnrolmentAnswer,
  type EnrolmentClaim,
  type EnrolmentRequest,
  enrolmentProof,
  normalisedCode,
  type RotationRequest,
} from '@fieldbid/core/market/enrolment';
import { parse } from '@fieldbid/core/schema';
import { type Signer, signed } from '@fieldbid/core/signing';

/** Real ms for the DERA to answer. */
const DEADLINE_MS = 15_000;

export interface EnrolledDevice {
  readonly deraId: string;
  readonly derId: string;
  readonly deviceIds: readonly string[];
}

/**
 * @param code as a person typed it. It never appears in an error.
 * @throws InputError for what cannot be a code; DeadlineError, FieldbidError of the bus.
 */
export async function enrol(
  bus: Bus,
  signer: Signer,
  device: EnrolledDevice,
  code: string,
): Promise<EnrolmentAnswer> {
  const normalised = normalisedCode(code);
  if (normalised === undefined) {
    throw new InputError({
      source: 'the code',
      path: '',
      found: `${code.trim().length} characters that are no code`,
      expected: 'five groups of four letters and digits, as fieldbid aggregator enrol-code prints it',
    });
  }
  const topic = topics.enrolments(device.deraId);
  const request = await enrolmentRequest(signer, device, normalised);
  return parse(EnrolmentAnswer, await bus.request(topic, request, DEADLINE_MS), topic);
}

/** What makes the key known, proved by the code and signed by the key. @param code normalised. */
export async function enrolmentRequest(
  signer: Signer,
  { deraId, derId, deviceIds }: EnrolledDevice,
  code: string,
): Promise<EnrolmentRequest> {
  const claim: EnrolmentClaim = { deraId, derId, deviceIds: [...deviceIds], publicKey: signer.publicKey };
  const content = { ...claim, proof: enrolmentProof(codeKeyOf(code, derId), claim) };
  return { ...content, signature: await signed(signer, 'fieldbid/enrolment/v1', content) };
}

/** Passes a DER on from one key to the next. Asking again after a lost answer is harmless. */
export async function rotate(
  bus: Bus,
  keys: { readonly old: Signer; readonly next: Signer },
  { deraId, derId }: Pick<EnrolledDevice, 'deraId' | 'derId'>,
): Promise<EnrolmentAnswer> {
  const content = { deraId, derId, oldKeyId: keys.old.keyId, publicKey: keys.next.publicKey };
  const request: RotationRequest = {
    ...content,
    oldSignature: await signed(keys.old, 'fieldbid/rotation/v1', content),
    newSignature: await signed(keys.next, 'fieldbid/rotation/v1', content),
  };
  const topic = topics.rotations(deraId);
  return parse(EnrolmentAnswer, await bus.request(topic, request, DEADLINE_MS), topic);
}

/** For commands: a refusal ends them. @throws FieldbidError with the DERA's code and reason. */
export function requireAccepted(answer: EnrolmentAnswer, derId: string): string {
  if (answer.accepted) return answer.keyId;
  throw new FieldbidError(answer.code, `${derId}: the aggregator refuses: ${answer.code}: ${answer.reason}`);
}
