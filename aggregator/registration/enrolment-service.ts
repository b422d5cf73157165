/** Enrolments and rotations as they come over the bus: asked, answered, logged. Codes never come this way. */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { DerRegistration } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { Moments } from '@fieldbid/core/market/calendar';
import type { EnrolmentAnswer } from '@fieldbid/core/market/enrolment';
import { Enrolments } from './enrolment.ts';
import type { Journal } from './journal.ts';

export interface EnrolmentParts {
  readonly deraId: string;
  readonly journal: Journal;
  readonly portfolio: readonly DerRegistration[];
  readonly schedule: readonly Moments[];
  /** Market time, epoch ms. */
  readonly marketNow: () => number;
  /** As of `EnrolmentOptions`. */
  readonly draw?: ((below: number) => number) | undefined;
  readonly log: Logger;
}

/** @throws InputError when the journal is damaged, or others may use it. */
export function openEnrolments(parts: EnrolmentParts): Enrolments {
  const { deraId, draw, journal, log, marketNow, portfolio, schedule } = parts;
  const devices = new Map(portfolio.map(({ derId, deviceIds }) => [derId, deviceIds]));
  return new Enrolments({
    deraId,
    journal,
    devicesOf: (derId) => devices.get(derId),
    openInterval: () => {
      const now_ms = marketNow();
      return schedule.find(({ gateClosure_ms }) => gateClosure_ms >= now_ms)?.interval.id ?? null;
    },
    now: Date.now,
    ...(draw === undefined ? {} : { draw }),
    onFault: (error) => log.error({ code: codeOf(error) }, `codes and keys: ${messageOf(error)}`),
  });
}

/** @param onAccepted takes a new key to the ledger; the agent has its answer when that was tried. */
export async function answerEnrolments(
  bus: Bus,
  deraId: string,
  enrolments: Enrolments,
  onAccepted: (derId: string) => Promise<void>,
  log: Logger,
): Promise<Subscription[]> {
  const answer = async (what: string, message: unknown, given: EnrolmentAnswer): Promise<EnrolmentAnswer> => {
    const derId = (message as { derId?: unknown } | null)?.derId;
    if (given.accepted) log.info({ derId, keyId: given.keyId }, `${what} accepted`);
    else log.warn({ derId, code: given.code, reason: given.reason }, `${what} refused`);
    // Kept already: should the ledger be away, the key follows before the next bids are recorded.
    if (given.accepted && typeof derId === 'string') await onAccepted(derId);
    return given;
  };
  return [
    await bus.respond(topics.enrolments(deraId), async ({ topic, message }) =>
      answer('enrolment', message, enrolments.enrol(message, topic)),
    ),
    await bus.respond(topics.rotations(deraId), async ({ topic, message }) =>
      answer('rotation', message, enrolments.rotate(message, topic)),
    ),
  ];
}
