/**
 * M9 · The DERA registers its DERs with the ledger; the DSO checks each against its feeder and qualifies it.
 * Bidding starts when every DER has an answer.
 */
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import type { DerRegistration, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { LedgerWatch } from '../ledger-watch.ts';
import type { DeraGateway } from '../round.ts';

/** Real time for the DSO to answer one registration, ms. */
const QUALIFICATION_DEADLINE_MS = 60_000;

/**
 * Registers what is not registered yet, one DER after the other: each waits for the DSO's word, so that the
 * ledger holds the same order every time.
 * @returns the registry entries of the portfolio, by DER id; suspended ones included (their bids are refused).
 * @throws FieldbidError `NOT_QUALIFIED` (retryable) when the DSO does not answer; the gateway's refusals.
 */
export async function registerPortfolio(
  gateway: Pick<DeraGateway, 'registerDer' | 'listDers'>,
  watch: Pick<LedgerWatch, 'waitFor'>,
  portfolio: readonly DerRegistration[],
  log: Logger,
): Promise<ReadonlyMap<string, RegistryEntry>> {
  const known = new Map((await gateway.listDers()).map((entry) => [entry.derId, entry]));
  for (const registration of portfolio) {
    const { derId } = registration;
    if (!known.has(derId)) await register(gateway, registration, log);
    if ((known.get(derId)?.status ?? 'registered') !== 'registered') continue;
    try {
      await watch.waitFor('DerQualified', derId, QUALIFICATION_DEADLINE_MS);
    } catch (cause) {
      const options = { cause, retryable: true };
      throw new FieldbidError(
        'NOT_QUALIFIED',
        `the DSO has not answered for ${derId}: is it running?`,
        options,
      );
    }
  }
  const wanted = new Set(portfolio.map(({ derId }) => derId));
  const entries = (await gateway.listDers()).filter(({ derId }) => wanted.has(derId));
  for (const { derId, status } of entries)
    if (status !== 'qualified') log.warn({ derId, status }, 'may not bid');
  return new Map(entries.map((entry) => [entry.derId, entry]));
}

async function register(
  gateway: Pick<DeraGateway, 'registerDer'>,
  registration: DerRegistration,
  log: Logger,
): Promise<void> {
  try {
    await gateway.registerDer(registration);
    log.info({ derId: registration.derId }, 'DER registered');
  } catch (error) {
    // Another instance of this aggregator was faster: the entry is there, which is what is wanted.
    if (codeOf(error) !== 'ALREADY_REGISTERED') throw error;
  }
}
