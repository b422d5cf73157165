/** A small market for tests: DERs, bids, certificates, callers. */
import { bidUid, sha256Hex } from '@fieldbid/core/digest';
import type { Certificate, DerRegistration, KeyRotation } from '@fieldbid/core/gateway-api/schemas';
import type { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import { type Bid, productOf } from '@fieldbid/core/market/messages';
import { commitmentOf, signBid } from '@fieldbid/core/market/signed-bid';
import { type Signer, signed } from '@fieldbid/core/signing';
import type { Caller } from '../transactions/context.ts';
import type { BidClaim, Change } from '../transactions/payloads.ts';

export const INTERVAL = '2026-06-21T12:00Z';
/** The hour that it lies in, of the day-ahead market. */
export const HOUR = '2026-06-21T12:00Z--PT60M';

export const NORTH: Caller = { mspId: 'DeraMSP', role: 'dera', deraId: 'north' };
export const SOUTH: Caller = { mspId: 'DeraMSP', role: 'dera', deraId: 'south' };
export const DSO: Caller = { mspId: 'DsoMSP', role: 'dso', deraId: undefined };

export function registration(derId: string, changes: Partial<DerRegistration> = {}): DerRegistration {
  return {
    derId,
    deraId: 'north',
    feederId: 'ieee13',
    bus: '675',
    phases: 'ABC',
    nameplate_W: 100_000,
    deviceIds: [`${derId}-inverter`],
    ...changes,
  };
}

export function qualification(derId: string, limit_W = 80_000) {
  return { derId, status: 'qualified', limit_W, reason: 'inspected' };
}

/** A bid as the ledger learns of it. */
export function claim(derId: string, changes: Partial<BidClaim> & { intervalId?: string } = {}): BidClaim {
  const { intervalId = INTERVAL, ...rest } = changes;
  const product = productOf(intervalId);
  return {
    uid: bidUid(derId, intervalId, product),
    derId,
    deviceIds: [`${derId}-inverter`],
    product,
    sequence: 1,
    quantity_W: 50_000,
    checksum: checksum(1),
    ...rest,
  };
}

export function batch(bids: readonly BidClaim[], deraId = 'north', intervalId = INTERVAL) {
  return { intervalId, deraId, bids, silentDerIds: [] as string[] };
}

export function change(derId: string, quantity_W: number, expectedRevision: number): Change {
  return {
    uid: bidUid(derId, INTERVAL, 'energy'),
    quantity_W,
    expectedRevision,
    checksum: checksum(expectedRevision + 1),
  };
}

/** What a device sends to make its key known. The contract does not know the code, so any proof will do. */
export async function enrolment(derId: string, signer: Signer, changes: Partial<EnrolmentRequest> = {}) {
  const claim = {
    deraId: 'north',
    derId,
    deviceIds: [`${derId}-inverter`],
    publicKey: signer.publicKey,
    proof: checksum(0),
    ...changes,
  };
  return { ...claim, signature: await signed(signer, 'fieldbid/enrolment/v1', claim) };
}

export async function rotation(
  derId: string,
  old: Signer,
  next: Signer,
  graceInterval: string | null = null,
): Promise<KeyRotation> {
  const claim = { deraId: 'north', derId, oldKeyId: old.keyId, publicKey: next.publicKey };
  const [oldSignature, newSignature] = [
    await signed(old, 'fieldbid/rotation/v1', claim),
    await signed(next, 'fieldbid/rotation/v1', claim),
  ];
  return { request: { ...claim, oldSignature, newSignature }, graceInterval };
}

/** As the ledger learns of a bid that its device has signed. */
export async function signedClaim(
  derId: string,
  signer: Signer,
  changes: Partial<Bid> = {},
): Promise<BidClaim> {
  const signedBid = await signBid(signer, bid(derId, changes));
  const { intervalId, signature } = signedBid;
  const commitment = commitmentOf(signedBid);
  const { uid, deviceIds, product, sequence, quantity_W } = signedBid;
  return {
    ...claim(derId, { intervalId, uid, deviceIds, product, sequence, quantity_W }),
    ...(commitment === undefined ? {} : { commitment }),
    ...(signature === undefined ? {} : { signature }),
  };
}

/** Any 64 hex digits: the contract cannot recompute it. */
export function checksum(n: number): string {
  return sha256Hex(String(n));
}

export function certificate(changes: Partial<Certificate> = {}): Certificate {
  return {
    outcome: 'CURTAILED',
    policy: 'proportional',
    alpha_ppm: 800_000,
    originalMax_upu: 1_061_000,
    originalMin_upu: 981_000,
    approvedMax_upu: 1_049_000,
    approvedMin_upu: 981_000,
    margin_upu: 1000,
    bindingNode: 'l675.B',
    bindingMinute: 7,
    envelope: {
      safety: 'merit-order',
      factor_ppm: 1_000_000,
      outcomes: 3,
      worstOutcome: 'all of it',
      distance_upu: 100,
    },
    searchSolves: 0,
    engineGap_upu: null,
    solves: 9,
    engine: 'gridlabd 6.0.0',
    feederSha256: sha256Hex('feeder'),
    note: 'a test',
    ...changes,
  };
}

/** A bid as a DER signs it: with prices. */
export function bid(derId: string, changes: Partial<Bid> = {}): Bid {
  const intervalId = changes.intervalId ?? INTERVAL;
  return {
    uid: bidUid(derId, intervalId, 'energy'),
    derId,
    deraId: 'north',
    deviceIds: [`${derId}-inverter`],
    intervalId,
    product: 'energy',
    sequence: 1,
    quantity_W: 50_000,
    price_uUSD_per_MWh: 31_234_567,
    cap_uUSD_per_MWh: 987_654_321,
    forecast_uUSD_per_MWh: 29_876_543,
    riskFactor_pct: 4.5,
    clampedTo: 'none',
    state: {
      readAt_ms: 1_782_043_000_000,
      measured_W: 50_100,
      available_W: 50_200,
      source: 'measured',
      rating_W: 100_000,
      limit_pct: 87.5,
    },
    submittedAt_ms: 1_782_043_100_000,
    expiresAt_ms: 1_782_043_200_000,
    ...changes,
  };
}
