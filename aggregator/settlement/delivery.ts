/** Step 13 · A reckoned interval on its way: onto the ledger, past the ISO, to everybody who listens. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import { SettlementAnswer, type SettlementReport } from '@fieldbid/core/market/settlement/report';
import { parse } from '@fieldbid/core/schema';
import type { DeraGateway } from '../round.ts';
import { writeOnce } from '../write-once.ts';

export interface DeliveryOptions {
  readonly deraId: string;
  readonly bus: Bus;
  readonly gateway: Pick<DeraGateway, 'recordSettlement'>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Real ms for the broker to bring back what was published, and for the ISO to answer. */
export const BUS_DEADLINE_MS = 5000;

export class Delivery {
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** @returns whether it is on the ledger; an interval that was never dispatched cannot be. */
  async record(
    intervalId: string,
    records: readonly VerifiedBid[],
    rows: SettlementReport['rows'],
    notes: string[],
  ): Promise<boolean> {
    const { deraId, gateway, log, signal } = this.#options;
    const byDer = new Map(rows.map((row) => [row.derId, row]));
    const settlements = records.map(({ state: { uid, derId, revision } }) => ({
      ...{ uid, expectedRevision: revision },
      metered_Wh: byDer.get(derId)?.metered_Wh ?? 0,
      amount_uUSD: byDer.get(derId)?.total_uUSD ?? 0,
    }));
    try {
      const result = await writeOnce(
        () => gateway.recordSettlement(intervalId, { deraId, settlements }),
        ['ALREADY_SETTLED'],
        signal,
        (error) => log.warn({ intervalId, code: codeOf(error) }, messageOf(error)),
      );
      const txId = result?.txId;
      for (const { uid: correlationId, metered_Wh } of settlements) {
        log.info({ intervalId, correlationId, metered_Wh, txId }, 'bid settled');
      }
      log.info({ intervalId, bids: settlements.length, txId }, 'interval settled');
      return true;
    } catch (error) {
      // Of an earlier try that was given up while its answer was on the way.
      if (codeOf(error) === 'ALREADY_SETTLED') return true;
      if (!['NOT_DISPATCHED', 'NOT_FOUND'].includes(codeOf(error))) throw error;
      notes.push(`not on the ledger: ${messageOf(error)}`);
      return false;
    }
  }

  async ask(report: SettlementReport, notes: string[]): Promise<SettlementAnswer | null> {
    const { bus, log } = this.#options;
    const { intervalId } = report;
    try {
      const given = await bus.request(topics.settlementChecks, report, BUS_DEADLINE_MS);
      const answer = parse(SettlementAnswer, given, topics.settlementChecks);
      if (!answer.agreed)
        log.error({ intervalId, differences: answer.differences }, 'the ISO reckons otherwise');
      return answer;
    } catch (error) {
      notes.push(`the ISO has not answered: ${messageOf(error)}`);
      log.warn({ intervalId, code: codeOf(error) }, `settlement not checked by the ISO: ${messageOf(error)}`);
      return null;
    }
  }

  async publish(report: SettlementReport): Promise<void> {
    const { bus, deraId, log } = this.#options;
    try {
      await bus.publish(topics.settlements(deraId), report);
    } catch (error) {
      // It is on the ledger; a listener that missed it reads it there.
      log.error({ intervalId: report.intervalId, code: codeOf(error) }, `not published: ${messageOf(error)}`);
    }
  }
}
