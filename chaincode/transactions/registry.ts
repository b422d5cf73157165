/** M9 · Registration of DERs by their aggregator and qualification by the DSO. */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import type { RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { keyIdOf } from '@fieldbid/core/signing';
import { requireDera, requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { QualifyDer, RegisterDer } from './payloads.ts';
import { Refused } from './refusal.ts';
import { load, loadDer, save } from './state.ts';

/** Which organisation speaks for an aggregator. */
interface Aggregator {
  readonly mspId: string;
}

/**
 * Registers a DER, not yet qualified. A device may be registered with several aggregators; its capacity is
 * sold once per interval and product all the same (claim keys, bids.ts).
 */
export async function registerDer(
  ctx: TransactionContext,
  registration: RegisterDer,
): Promise<RegistryEntry> {
  const { derId, deraId, deviceIds } = registration;
  requireDera(ctx.caller, deraId);
  const aggregator = await load<Aggregator>(ctx, keys.dera(deraId));
  if (aggregator === undefined) await save(ctx, keys.dera(deraId), { mspId: ctx.caller.mspId });
  else requireOrganisation(ctx, deraId, aggregator);
  if (new Set(deviceIds).size < deviceIds.length) {
    throw new Refused('MALFORMED', `${derId} names a device twice.`, { derId });
  }
  if ((await loadDer(ctx, derId)) !== undefined) {
    throw new Refused('ALREADY_REGISTERED', `${derId} is registered already.`, { derId });
  }
  const entry: RegistryEntry = {
    ...registration,
    status: 'registered',
    limit_W: 0,
    keys: null,
    revision: 1,
  };
  await save(ctx, keys.der(derId), entry);
  ctx.setEvent('DerRegistered', canonicalJson({ deraId, derId }));
  return entry;
}

/** Qualifies a DER up to a limit, changes the limit, or suspends it. */
export async function qualifyDer(ctx: TransactionContext, qualification: QualifyDer): Promise<RegistryEntry> {
  requireDso(ctx.caller);
  const { derId, status, limit_W, keyId } = qualification;
  const entry = await loadDer(ctx, derId);
  if (entry === undefined) throw new Refused('NOT_REGISTERED', `${derId} is not registered.`, { derId });
  if (limit_W > entry.nameplate_W) {
    throw new Refused(
      'LIMIT_OVER_NAMEPLATE',
      `A limit of ${limit_W} W is above the nameplate of ${derId}, ${entry.nameplate_W} W.`,
      { derId, found: limit_W, expected: entry.nameplate_W },
    );
  }
  const key = entry.keys?.current ?? null;
  if (keyId !== undefined && (key === null || keyIdOf(key) !== keyId)) {
    throw new Refused('UNKNOWN_KEY', `${derId} does not have the key that is qualified.`, {
      derId,
      found: key === null ? 'no key' : keyIdOf(key),
      expected: keyId,
    });
  }
  const next: RegistryEntry = { ...entry, status, limit_W, revision: entry.revision + 1 };
  await save(ctx, keys.der(derId), next);
  ctx.setEvent('DerQualified', canonicalJson({ deraId: entry.deraId, derId }));
  return next;
}

/** The caller is this aggregator, and of the organisation that registered under that name first. */
export async function requireKnownDera(ctx: TransactionContext, deraId: string): Promise<void> {
  requireDera(ctx.caller, deraId);
  const aggregator = await load<Aggregator>(ctx, keys.dera(deraId));
  if (aggregator === undefined) {
    throw new Refused('NOT_REGISTERED', `${deraId} has registered no DER.`, { deraId });
  }
  requireOrganisation(ctx, deraId, aggregator);
}

function requireOrganisation(ctx: TransactionContext, deraId: string, { mspId }: Aggregator): void {
  if (ctx.caller.mspId === mspId) return;
  throw new Refused('WRONG_ORG', `${deraId} belongs to ${mspId}; the caller is of ${ctx.caller.mspId}.`, {
    deraId,
    found: ctx.caller.mspId,
    expected: mspId,
  });
}

/** A DER of this aggregator. */
export async function ownDer(ctx: TransactionContext, derId: string, deraId: string): Promise<RegistryEntry> {
  const der = await loadDer(ctx, derId);
  if (der === undefined) throw new Refused('NOT_REGISTERED', `${derId} is not registered.`, { derId });
  if (der.deraId === deraId) return der;
  throw new Refused('WRONG_AGGREGATOR', `${derId} is registered with ${der.deraId}, not with ${deraId}.`, {
    derId,
    deraId,
  });
}
