/**
 * Step 5 · All bids of one DERA for one interval, in one transaction: registered, qualified, within limits, signed by
 * their devices, never seen before, and claimed once (M10). One bad bid refuses the batch and is named; nothing is half
 * applied.
 */
import { bidUid } from '@fieldbid/core/digest';
import type { BidState, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { isDayAhead } from '@fieldbid/core/interval';
import { productOf } from '@fieldbid/core/market/messages';
import type { TransactionContext } from './context.ts';
import { checkBidSignature } from './der-keys.ts';
import { keys } from './keys.ts';
import type { BidClaim, SubmitBids } from './payloads.ts';
import { Refused } from './refusal.ts';
import { ownDer, requireKnownDera } from './registry.ts';
import { announceBids, load, loadDecision, type StoredSubmission, save, saveFirst } from './state.ts';

/** Day-ahead intervals are whole hours, so that a quarter of an hour lies in one of them. */
const HOUR_AHEAD = /T\d{2}:00Z--PT60M$/;

export async function submitBids(ctx: TransactionContext, batch: SubmitBids): Promise<BidState[]> {
  const { intervalId, deraId, bids, silentDerIds, baselineCommitment } = batch;
  await requireKnownDera(ctx, deraId);
  if ((await loadDecision(ctx, intervalId)) !== undefined) {
    throw new Refused('ALREADY_DECIDED', `The DSO has decided ${intervalId}; no bid can join it.`, {
      intervalId,
    });
  }
  if (isDayAhead(intervalId) && !HOUR_AHEAD.test(intervalId)) {
    throw new Refused(
      'MALFORMED',
      `${intervalId} is no whole hour: energy is sold by the hour a day ahead.`,
      {
        intervalId,
      },
    );
  }
  await checkFirst(ctx, batch);
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
    ...(baselineCommitment === undefined ? {} : { baselineCommitment }),
    awarded: false,
    settled: false,
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
  const { uid, derId, product, quantity_W, checksum, commitment = null } = bid;
  checkUid(bid, intervalId);
  checkProduct(bid, intervalId);
  if (claimed.has(uid)) {
    throw new Refused('DUPLICATE', `${derId} bids twice in ${intervalId}.`, { uid, derId });
  }
  claimed.add(uid);
  const der = await ownDer(ctx, derId, deraId);
  checkQualification(der, bid);
  const keyId = checkBidSignature(der, intervalId, bid);
  for (const deviceId of bid.deviceIds) {
    await checkOtherMarket(ctx, bid, deviceId, intervalId, deraId);
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
    keyId,
    commitment,
    metered_Wh: null,
    by,
    reason: '',
  };
  await saveFirst(ctx, state);
  return state;
}

function keysOf({ intervalId, bids, silentDerIds }: SubmitBids): string[] {
  return [
    ...silentDerIds.map(keys.der),
    ...bids.flatMap(({ derId, deviceIds, product }) => [
      keys.der(derId),
      ...deviceIds.map((deviceId) => keys.claim(deviceId, intervalId, product)),
      ...(isDayAhead(intervalId)
        ? []
        : deviceIds.map((deviceId) => keys.dayAheadClaim(deviceId, intervalId))),
    ]),
  ];
}

/** A batch is of one market, which its interval names. */
function checkProduct({ uid, derId, product }: BidClaim, intervalId: string): void {
  const expected = productOf(intervalId);
  if (product === expected) return;
  throw new Refused('WRONG_PRODUCT', `${derId} bids ${product}; in ${intervalId} ${expected} is sold.`, {
    uid,
    derId,
    found: product,
    expected,
  });
}

/**
 * M10 · What one aggregator has sold of a device a day ahead is settled against what the same one sells of it in real
 * time; another one would sell it a second time.
 */
async function checkOtherMarket(
  ctx: TransactionContext,
  { uid, derId }: BidClaim,
  deviceId: string,
  intervalId: string,
  deraId: string,
): Promise<void> {
  const refuse = (by: string, market: string): void => {
    if (by === deraId) return;
    const message = `The capacity of ${deviceId} in ${intervalId} is sold ${market} by ${by} already.`;
    throw new Refused('CLAIMED', message, { uid, derId, deviceId });
  };
  if (!isDayAhead(intervalId)) {
    const claim = await load<{ deraId: string }>(ctx, keys.dayAheadClaim(deviceId, intervalId));
    if (claim !== undefined) refuse(claim.deraId, 'a day ahead');
    return;
  }
  for await (const { value } of ctx.range(...keys.claimsOfHour(deviceId, intervalId))) {
    refuse((JSON.parse(value) as { deraId: string }).deraId, 'in this hour');
  }
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

function checkQualification(der: RegistryEntry, { uid, derId, deviceIds, quantity_W }: BidClaim): void {
  if (der.retailProgramme !== undefined) {
    const message = `${derId} is in the retail programme ${der.retailProgramme}, which pays for the same energy.`;
    throw new Refused('RETAIL_PROGRAMME', message, { uid, derId });
  }
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

/**
 * A DERA's bids of an interval are taken once, all together. That no bid is taken twice follows: its uid is that of
 * DER, interval and product, and its devices are claimed.
 */
async function checkFirst(ctx: TransactionContext, { deraId, intervalId, bids }: SubmitBids): Promise<void> {
  const before = await load<StoredSubmission>(ctx, keys.submission(intervalId, deraId));
  if (before === undefined) return;
  const about = { deraId, intervalId };
  const replayed = bids.find(({ uid }) => before.uids.includes(uid));
  if (replayed === undefined) {
    throw new Refused('DUPLICATE', `${deraId} has submitted its bids for ${intervalId} already.`, about);
  }
  const { uid, derId } = replayed;
  throw new Refused('REPLAY', `The bid of ${derId} for ${intervalId} is taken already.`, {
    ...about,
    uid,
    derId,
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
