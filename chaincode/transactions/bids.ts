/**
 * Step 5 · All bids of one DERA for one interval, in one transaction: registered, qualified, within limits,
 * never seen before, and claimed once (M10). One bad bid refuses the batch and is named; nothing is half
 * applied.
 */
import { bidUid } from '@fieldbid/core/digest';
import type { BidState, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { BidClaim, SubmitBids } from './payloads.ts';
import { Refused } from './refusal.ts';
import { requireKnownDera } from './registry.ts';
import { announceBids, load, loadDecision, loadDer, save, saveBid } from './state.ts';

export async function submitBids(ctx: TransactionContext, batch: SubmitBids): Promise<BidState[]> {
  const { intervalId, deraId, bids, silentDerIds } = batch;
  await requireKnownDera(ctx, deraId);
  if ((await loadDecision(ctx, intervalId)) !== undefined) {
    throw new Refused('ALREADY_DECIDED', `The DSO has decided ${intervalId}; no bid can join it.`, {
      intervalId,
    });
  }
  if ((await ctx.get(keys.submission(intervalId, deraId))) !== undefined) {
    throw new Refused('DUPLICATE', `${deraId} has submitted its bids for ${intervalId} already.`, {
      deraId,
      intervalId,
    });
  }
  await ctx.expect?.(keysOf(batch));
  await checkSilent(ctx, batch);
  // A transaction does not see its own writes: what is claimed inside this batch is kept here.
  const claimed = new Set<string>();
  const states: BidState[] = [];
  for (const bid of bids) states.push(await takeBid(ctx, batch, bid, claimed));
  await save(ctx, keys.submission(intervalId, deraId), {
    deraId,
    uids: bids.map(({ uid }) => uid),
    silentDerIds,
    awarded: false,
  });
  announceBids(ctx, 'BidsSubmitted', { deraId, intervalId }, states);
  return states;
}

async function takeBid(
  ctx: TransactionContext,
  { intervalId, deraId }: SubmitBids,
  bid: BidClaim,
  claimed: Set<string>,
): Promise<BidState> {
  const { uid, derId, product, quantity_W, checksum } = bid;
  checkUid(bid, intervalId);
  const der = await ownDer(ctx, derId, deraId);
  checkQualification(der, bid);
  await checkSequence(ctx, bid);
  if (claimed.has(uid) || (await ctx.get(keys.head(uid))) !== undefined) {
    throw new Refused('DUPLICATE', `${derId} has bid in ${intervalId} already.`, { uid, derId });
  }
  claimed.add(uid);
  for (const deviceId of bid.deviceIds) {
    const key = keys.claim(deviceId, intervalId, product);
    const claim = await load<{ deraId: string }>(ctx, key);
    if (claim !== undefined || claimed.has(key)) {
      const by = claim?.deraId ?? deraId;
      throw new Refused('CLAIMED', `The capacity of ${deviceId} in ${intervalId} is sold by ${by} already.`, {
        uid,
        derId,
        deviceId,
      });
    }
    claimed.add(key);
    await save(ctx, key, { deraId, uid });
  }
  await save(ctx, keys.sequence(derId), bid.sequence);
  const by = ctx.caller.mspId;
  const state: BidState = {
    uid,
    revision: 1,
    derId,
    deraId,
    intervalId,
    product,
    status: 'submitted',
    quantity_W,
    checksum,
    by,
    reason: '',
  };
  await saveBid(ctx, state);
  return state;
}

function keysOf({ intervalId, bids, silentDerIds }: SubmitBids): string[] {
  return [
    ...silentDerIds.map(keys.der),
    ...bids.flatMap(({ uid, derId, deviceIds, product }) => [
      keys.der(derId),
      keys.sequence(derId),
      keys.head(uid),
      ...deviceIds.map((deviceId) => keys.claim(deviceId, intervalId, product)),
    ]),
  ];
}

function checkUid({ uid, derId, product }: BidClaim, intervalId: string): void {
  const expected = bidUid(derId, intervalId, product);
  if (uid === expected) return;
  throw new Refused('WRONG_UID', `The uid of ${derId}'s bid is not the one of DER, interval and product.`, {
    uid,
    derId,
    expected,
  });
}

async function ownDer(ctx: TransactionContext, derId: string, deraId: string): Promise<RegistryEntry> {
  const der = await loadDer(ctx, derId);
  if (der === undefined) throw new Refused('NOT_REGISTERED', `${derId} is not registered.`, { derId });
  if (der.deraId === deraId) return der;
  throw new Refused('WRONG_AGGREGATOR', `${derId} is registered with ${der.deraId}, not with ${deraId}.`, {
    derId,
    deraId,
  });
}

function checkQualification(der: RegistryEntry, { uid, derId, deviceIds, quantity_W }: BidClaim): void {
  if (der.status !== 'qualified') {
    throw new Refused('NOT_QUALIFIED', `${derId} is ${der.status}, not qualified.`, { uid, derId });
  }
  if (quantity_W > der.limit_W) {
    throw new Refused(
      'QUANTITY_OVER_LIMIT',
      `${derId} bids ${quantity_W} W; it is qualified for ${der.limit_W} W.`,
      { uid, derId, found: quantity_W, expected: der.limit_W },
    );
  }
  // All of its devices, each once: a device that a bid leaves out could be sold again through another DER.
  const [named, registered] = [deviceIds, der.deviceIds].map((ids) => [...ids].sort().join(' '));
  if (named !== registered) {
    throw new Refused('WRONG_DEVICES', `${derId} bids with other devices than it registered.`, {
      uid,
      derId,
    });
  }
}

async function checkSequence(ctx: TransactionContext, { uid, derId, sequence }: BidClaim): Promise<void> {
  const last = (await load<number>(ctx, keys.sequence(derId))) ?? 0;
  if (sequence > last) return;
  throw new Refused('REPLAY', `${derId}'s bid has sequence ${sequence}; ${last} was taken already.`, {
    uid,
    derId,
    found: sequence,
    expected: last + 1,
  });
}

async function checkSilent(
  ctx: TransactionContext,
  { deraId, bids, silentDerIds }: SubmitBids,
): Promise<void> {
  const seen = new Set(bids.map(({ derId }) => derId));
  for (const derId of silentDerIds) {
    await ownDer(ctx, derId, deraId);
    if (seen.has(derId)) {
      throw new Refused('DUPLICATE', `${derId} is reported silent and bids, or is named twice.`, { derId });
    }
    seen.add(derId);
  }
}
