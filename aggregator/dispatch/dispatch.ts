/**
 * Step 10 · Awards on their way to the agents, each acknowledged by its agent; and what the DSO takes back later. Once
 * an interval has fallen back to zero nothing more is sent for it.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { mapAtOnce } from '@fieldbid/core/map-at-once';
import type { Moments } from '@fieldbid/core/market/calendar';
import type { Award } from '@fieldbid/core/market/messages';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { DeraGateway, RoundResult } from '../round.ts';
import { awardsOf } from './awards.ts';

export interface DispatchOptions {
  readonly bus: Bus;
  readonly time: TimeSource;
  readonly gateway: Pick<DeraGateway, 'readRecords'>;
  readonly schedule: readonly Moments[];
  readonly log: Logger;
}

/** Submitted, decided, awarded, dispatched: a later revision is a reduction. */
const DISPATCHED_REVISION = 4;
/** Longest real wait for one agent to take over its award, ms: a hung agent must not hold up the others. */
const AWARD_DEADLINE_MS = 5000;
/** Under way together: more would wait for one another, and their deadlines for nobody. */
const AWARDS_AT_ONCE = 200;

export class Dispatch {
  readonly #options: DispatchOptions;
  /** How far the awards of an interval are. */
  readonly #stages = new Map<string, 'under way' | 'out' | 'zero'>();
  /** Intervals with a reduction that came before their awards were out. */
  readonly #reduced = new Set<string>();
  #lastNumber = 0;

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /**
   * Every one of these DERs hears what it may deliver, in one message that it acknowledges.
   * @param result undefined: the round failed, and everybody is told zero.
   * @returns a note for each DER that did not take its award.
   */
  async send(derIds: readonly string[], moment: Moments, result: RoundResult | undefined): Promise<string[]> {
    const { id } = moment.interval;
    this.#stages.set(id, result === undefined ? 'zero' : 'under way');
    const awards = awardsOf(derIds, moment, result, this.#nextNumber());
    const faults = await mapAtOnce(awards, AWARDS_AT_ONCE, (award) => this.#send(award, moment));
    if (result !== undefined) {
      this.#stages.set(id, 'out');
      if (this.#reduced.delete(id)) await this.#sendReduced(moment);
    }
    return awards.flatMap(({ derId }, i) =>
      faults[i] === undefined ? [] : [`${derId} did not take its award: ${faults[i]}`],
    );
  }

  /** The DSO has reduced bids of an interval: their DERs hear at once what they may still deliver. */
  onModified(intervalId: string): void {
    const { schedule, time } = this.#options;
    const moment = schedule.find(({ interval }) => interval.id === intervalId);
    if (moment === undefined) return;
    // Of an interval that has begun, an aggregator that started since knows only this.
    const stage =
      this.#stages.get(intervalId) ?? (time.now() >= moment.interval.start_ms ? 'out' : 'under way');
    if (stage === 'out') void this.#sendReduced(moment);
    // Before its awards are out the round takes it along, or it is sent behind them.
    else if (stage === 'under way') this.#reduced.add(intervalId);
  }

  async #sendReduced(moment: Moments): Promise<void> {
    const { gateway, log, time } = this.#options;
    const { id: intervalId, start_ms, end_ms } = moment.interval;
    if (time.now() >= end_ms) return;
    try {
      for (const { state, raw } of await gateway.readRecords(intervalId)) {
        // As it was confirmed it has its award already.
        if (state.status !== 'dispatched' || state.revision <= DISPATCHED_REVISION) continue;
        const award: Award = {
          ...{ derId: state.derId, intervalId, bidUid: state.uid, allocation_W: state.quantity_W },
          ...{ start_ms, end_ms, price_uUSD_per_MWh: raw.price_uUSD_per_MWh ?? 0 },
          sequence: this.#nextNumber(),
          reason: state.quantity_W === 0 ? 'CURTAILED_TO_ZERO' : 'PARTLY_CLEARED',
        };
        await this.#send(award, moment);
      }
    } catch (error) {
      log.error(
        { intervalId, code: codeOf(error) },
        `a reduced bid has not reached its DER: ${messageOf(error)}`,
      );
    }
  }

  /** @returns why it was not taken; undefined when it was. */
  async #send(award: Award, { interval }: Moments): Promise<string | undefined> {
    const { bus, log, time } = this.#options;
    const { intervalId, derId, bidUid, allocation_W, reason } = award;
    const fields = { intervalId, derId, correlationId: bidUid };
    const until_ms = time.now() < interval.start_ms ? interval.start_ms : interval.end_ms;
    const deadline_ms = Math.min(AWARD_DEADLINE_MS, time.patienceUntil(until_ms));
    // Confirmed for the whole interval: an agent that is back before its end still takes it.
    const worth_ms = time.patienceUntil(interval.end_ms);
    try {
      const answer = await bus.request(topics.awards(derId), award, deadline_ms, { worth_ms });
      const { accepted, reason: why } = (answer ?? {}) as { accepted?: boolean; reason?: string };
      if (accepted === false) {
        log.error({ ...fields, allocation_W, answer }, 'award refused by its agent');
        return why ?? 'refused';
      }
      log.info({ ...fields, allocation_W, reason, answer }, 'award sent');
      return undefined;
    } catch (error) {
      log.error({ ...fields, code: codeOf(error) }, `award not taken: ${messageOf(error)}`);
      return messageOf(error);
    }
  }

  /**
   * Seconds of market time, so that the numbers grow across restarts without anything being stored; and above every
   * number before: an agent takes no two awards under one.
   */
  #nextNumber(): number {
    const seconds = Math.floor(this.#options.time.now() / 1000);
    this.#lastNumber = Math.max(1, seconds, this.#lastNumber + 1);
    return this.#lastNumber;
  }
}
