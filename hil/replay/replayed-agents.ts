/**
 * Stand in the agents' place when a market is replayed from its records: the bids as the DERA once took them, signatures
 * and all, each at its time, and for each gate who could be limited.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf } from '@fieldbid/core/errors';
import type { Moments } from '@fieldbid/core/market/calendar';
import { type AgentState, type Bid, BidReceipt } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { RecordedInterval } from './recorded-market.ts';

const AGENT_ID = 'recorded-agents';

export class ReplayedAgents {
  readonly #bus: Bus;
  readonly #time: TimeSource;
  readonly #derIds: readonly string[];
  readonly #caughtUp: () => Promise<void>;
  readonly #subscriptions: Subscription[] = [];
  /** Bids that the DERA took then and refuses now. */
  readonly refused: { bid: Bid; reason: string }[] = [];

  /** @param parts.caughtUp resolves when everybody has heard what was published. */
  constructor(parts: {
    bus: Bus;
    time: TimeSource;
    derIds: readonly string[];
    caughtUp: () => Promise<void>;
  }) {
    this.#bus = parts.bus;
    this.#time = parts.time;
    this.#derIds = parts.derIds;
    this.#caughtUp = parts.caughtUp;
  }

  /** Takes every award, as whoever can be limited does. */
  async start(): Promise<void> {
    this.#subscriptions.push(await this.#bus.respond(topics.awards('+'), async () => ({ accepted: true })));
  }

  /** @param schedule both markets' intervals. Resolves behind the last gate. */
  async run(schedule: readonly Moments[], recorded: ReadonlyMap<string, RecordedInterval>): Promise<void> {
    const events = schedule.flatMap(({ interval, bid_ms, gateClosure_ms }) => {
      const { bids, silentDerIds } = recorded.get(interval.id) ?? { bids: [], silentDerIds: [] };
      // The last thing before a gate closes is who can be limited.
      const last_ms = gateClosure_ms - 1;
      return [
        ...bids.map((bid) => ({
          at_ms: Math.min(Math.max(bid.submittedAt_ms, bid_ms), last_ms),
          act: () => this.#bid(bid),
        })),
        { at_ms: last_ms, act: () => this.#announce(silentDerIds) },
      ];
    });
    try {
      for (const { at_ms, act } of events.sort((a, b) => a.at_ms - b.at_ms)) {
        await this.#time.requestTime(at_ms);
        await act();
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    } finally {
      this.#time.close();
    }
  }

  async stop(): Promise<void> {
    this.#time.close();
    for (const subscription of this.#subscriptions) await subscription.close();
  }

  async #bid(bid: Bid): Promise<void> {
    const topic = topics.bids(bid.deraId);
    const answer = await this.#bus.request(topic, bid, this.#time.patienceUntil(bid.expiresAt_ms));
    const receipt = parse(BidReceipt, answer, topic);
    if (!receipt.accepted) this.refused.push({ bid, reason: receipt.reason });
  }

  async #announce(silentDerIds: readonly string[]): Promise<void> {
    const devices = this.#derIds.filter((derId) => !silentDerIds.includes(derId));
    const since_ms = Math.floor(this.#time.now());
    const state: AgentState = { agentId: AGENT_ID, alive: true, devices, since_ms };
    await this.#bus.publish(topics.agents(AGENT_ID), state, { retain: true });
    await this.#caughtUp();
  }
}
