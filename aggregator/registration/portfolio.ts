/**
 * M9 · The DERA registers its DERs with the ledger; the DSO checks each against its feeder and qualifies it.
 * Bidding starts when every DER has an answer.
 */
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import type { DerRegistration, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { DeraGateway } from '../round.ts';

/** Real time for the DSO to answer all registrations, ms. */
const QUALIFICATION_DEADLINE_MS = 60_000;
const POLL_MS = 50;

/**
 * Registers what is not registered yet and waits for the DSO's word on each.
 * @returns the registry entries of the portfolio, by DER id; suspended ones included (their bids are refused).
 * @throws FieldbidError `NOT_QUALIFIED` when the DSO leaves some without an answer.
 */
export async function registerPortfolio(
  gateway: Pick<DeraGateway, 'registerDer' | 'listDers'>,
  portfolio: readonly DerRegistration[],
  log: Logger,
): Promise<ReadonlyMap<string, RegistryEntry>> {
  const known = new Set((await gateway.listDers()).map((entry) => entry.derId));
  for (const registration of portfolio) {
    if (known.has(registration.derId)) continue;
    try {
      await gateway.registerDer(registration);
      log.info({ derId: registration.derId }, 'DER registered');
    } catch (error) {
      // Another instance of this aggregator was faster: the entry is there, which is what is wanted.
      if (codeOf(error) !== 'ALREADY_REGISTERED') throw error;
    }
  }
  const wanted = new Set(portfolio.map(({ derId }) => derId));
  const until = performance.now() + QUALIFICATION_DEADLINE_MS;
  for (;;) {
    const entries = (await gateway.listDers()).filter(({ derId }) => wanted.has(derId));
    const open = entries.filter(({ status }) => status === 'registered').map(({ derId }) => derId);
    if (open.length === 0 && entries.length === wanted.size) {
      for (const { derId, status } of entries)
        if (status !== 'qualified') log.warn({ derId, status }, 'may not bid');
      return new Map(entries.map((entry) => [entry.derId, entry]));
    }
    if (performance.now() > until) {
      throw new FieldbidError('NOT_QUALIFIED', `the DSO has not answered for ${open.join(', ')}`, {
        retryable: true,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
