/**
 * A market whose BC-GW, or whatever it stands on, is killed again and again while bids, decisions, awards, dispatches
 * and settlements are recorded (steps 5-7, 10, 13). Its clients do what real ones do: they try again until each step
 * is done. Afterwards everything that was acknowledged must be there, once, in both stores.
 */
import { bid, certificate, registration } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { BidState, LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { minuteId } from '@fieldbid/core/interval';
import { seededRandom } from '@fieldbid/core/random';

/** Something that can be killed. */
export interface Victim {
  readonly name: string;
  /** SIGKILL, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it does its work again. */
  restart(): Promise<void>;
}

export interface KilledMarketOptions {
  readonly victims: readonly Victim[];
  readonly kills: number;
  readonly seed: number;
  /** A client of its own for each party; `north` and `south` are aggregators. */
  readonly client: (party: 'north' | 'south' | 'dso' | 'operator') => GatewayClient;
  /** Longest wait before the next kill, ms. */
  readonly mostPause_ms: number;
  readonly onProgress?: (kills: number, intervals: number) => void;
}

export interface KilledMarketReport {
  readonly kills: Readonly<Record<string, number>>;
  readonly intervals: number;
  /** Revisions that a client was told are recorded. */
  readonly acknowledged: number;
  /** Steps whose answer was lost, and that were found done. */
  readonly answersLost: number;
  /** Sentences, each about one thing that is not as it has to be. */
  readonly faults: readonly string[];
}

const DERAS = ['north', 'south'] as const;
const DERS_EACH = 3;
/** Intervals under way at the same time. */
const LANES = 3;
const START_MS = Date.UTC(2026, 5, 21);
const QUARTER_MS = 900_000;
const STEPS = ['BidsSubmitted', 'BidsSubmitted', 'IntervalDecided', 'AwardsRecorded', 'AwardsRecorded'];
const EVENTS_OF_AN_INTERVAL = [
  ...STEPS,
  'DispatchConfirmed',
  'SettlementRecorded',
  'SettlementRecorded',
].sort();
const STATUSES = ['submitted', 'curtailed', 'awarded', 'dispatched', 'settled'];

export async function killedMarket(options: KilledMarketOptions): Promise<KilledMarketReport> {
  const market = new Market(options);
  await market.register();
  const following = market.follow();
  const killing = market.kill();
  await Promise.all(Array.from({ length: LANES }, () => market.lane()));
  await killing;
  return market.report(following);
}

class Market {
  readonly #options: KilledMarketOptions;
  readonly #acknowledged: BidState[] = [];
  readonly #intervals: string[] = [];
  readonly #kills: Record<string, number> = {};
  readonly #ending = new AbortController();
  #answersLost = 0;
  #killing = true;

  constructor(options: KilledMarketOptions) {
    this.#options = options;
  }

  async register(): Promise<void> {
    const { client } = this.#options;
    for (const deraId of DERAS) {
      for (const derId of dersOf(deraId)) {
        await client(deraId).registerDer(registration(derId, { deraId }));
        await client('dso').qualifyDer(derId, { status: 'qualified', limit_W: 80_000, reason: '' });
      }
    }
  }

  async kill(): Promise<void> {
    const { victims, kills, seed, mostPause_ms, onProgress } = this.#options;
    const random = seededRandom(seed, 'kills');
    try {
      for (let i = 0; i < kills; i++) {
        await new Promise((resolve) => setTimeout(resolve, random.uniform() * mostPause_ms));
        const victim = victims[Math.floor(random.uniform() * victims.length)] as Victim;
        await victim.kill();
        await victim.restart();
        this.#kills[victim.name] = (this.#kills[victim.name] ?? 0) + 1;
        onProgress?.(i + 1, this.#intervals.length);
      }
    } finally {
      this.#killing = false;
    }
  }

  /** One interval after the other, each to its end, until the killing is over. */
  async lane(): Promise<void> {
    while (this.#killing) await this.#interval();
  }

  async #interval(): Promise<void> {
    const { client } = this.#options;
    const number = this.#intervals.length;
    const intervalId = minuteId(START_MS + number * QUARTER_MS);
    this.#intervals.push(intervalId);
    const dso = client('dso');
    await this.#each(async (deraId) => {
      const bids = dersOf(deraId).map((derId) =>
        bid(derId, {
          ...{ deraId, intervalId, sequence: number + 1, uid: bidUid(derId, intervalId, 'energy') },
          quantity_W: 50_000,
        }),
      );
      const batch = { deraId, bids, silentDerIds: [] };
      await this.#once(() => client(deraId).submitBids(intervalId, batch), ['REPLAY']);
    });
    const given = certificate();
    await this.#once(
      async () =>
        dso.decide(intervalId, { certificate: given, quantities: await this.#now(intervalId, 0.8) }),
      ['ALREADY_DECIDED'],
    );
    await this.#each(async (deraId) => {
      await this.#once(
        async () =>
          client(deraId).recordAwards(intervalId, {
            ...{ deraId, price_uUSD_per_MWh: 40_000_000 },
            quantities: await this.#now(intervalId, 0.5, deraId),
          }),
        ['ALREADY_AWARDED'],
      );
    });
    await this.#once(
      async () =>
        dso.confirmDispatch(intervalId, { certificate: given, quantities: await this.#now(intervalId, 1) }),
      ['ALREADY_DISPATCHED'],
    );
    await this.#each(async (deraId) => {
      await this.#once(async () => {
        const settlements = (await this.#now(intervalId, 1, deraId)).map(({ uid, expectedRevision }) => ({
          ...{ uid, expectedRevision },
          ...{ metered_Wh: 5000, amount_uUSD: 200_000 },
        }));
        return client(deraId).recordSettlement(intervalId, { deraId, settlements });
      }, ['ALREADY_SETTLED']);
    });
  }

  async #each(work: (deraId: (typeof DERAS)[number]) => Promise<void>): Promise<void> {
    await Promise.all(DERAS.map(work));
  }

  /** Every bid of the interval, or of one aggregator, at a share of its quantity. */
  async #now(intervalId: string, share: number, deraId?: string) {
    const { submissions } = await this.#options.client('dso').readInterval(intervalId);
    return submissions
      .filter((submission) => deraId === undefined || submission.deraId === deraId)
      .flatMap(({ bids }) => bids)
      .map(({ uid, revision, quantity_W }) => ({
        ...{ uid, expectedRevision: revision },
        quantity_W: Math.floor(quantity_W * share),
      }));
  }

  /** Tries until it is done. A step that is found done was done by a try whose answer was lost. */
  async #once(step: () => Promise<{ bids: readonly BidState[] }>, done: readonly string[]): Promise<void> {
    for (let unanswered = false; ; ) {
      try {
        this.#acknowledged.push(...(await step()).bids);
        return;
      } catch (error) {
        if (unanswered && done.includes(codeOf(error))) {
          this.#answersLost++;
          return;
        }
        if (!(error instanceof FieldbidError) || !mayHelp(error)) throw error;
        unanswered ||= true;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** All events, through every kill, until told to end. */
  async follow(): Promise<LedgerEvent[]> {
    const events: LedgerEvent[] = [];
    for await (const event of this.#options.client('operator').events(undefined, this.#ending.signal)) {
      events.push(event);
      const settled = events.filter(({ name }) => name === 'SettlementRecorded').length;
      if (!this.#killing && settled === this.#intervals.length * DERAS.length) this.#ending.abort();
    }
    return events;
  }

  async report(following: Promise<LedgerEvent[]>): Promise<KilledMarketReport> {
    const faults: string[] = [];
    const operator = this.#options.client('operator');
    const held = new Map<string, BidState>();
    for (const intervalId of this.#intervals) {
      for (const derId of DERAS.flatMap(dersOf)) {
        const uid = bidUid(derId, intervalId, 'energy');
        const history = await operator.readBidHistory(uid);
        const found = history.map(({ revision, status }) => `${revision} ${status}`).join(', ');
        const expected = STATUSES.map((status, i) => `${i + 1} ${status}`).join(', ');
        if (found !== expected) faults.push(`${intervalId} ${derId}: ${found}; expected ${expected}`);
        for (const state of history) held.set(`${uid} ${state.revision}`, state);
      }
    }
    for (const { uid, revision, checksum } of this.#acknowledged) {
      const kept = held.get(`${uid} ${revision}`)?.checksum;
      if (kept !== checksum)
        faults.push(`${uid} revision ${revision}: acknowledged ${checksum}, kept ${kept}`);
    }
    const { findings, records } = await operator.verify();
    faults.push(...findings.map(({ kind, where, found }) => `${kind} at ${where}: ${found}`));
    if (records !== held.size) faults.push(`${records} raw records for ${held.size} revisions on the ledger`);
    const nudge = setTimeout(() => this.#ending.abort(), 30_000);
    faults.push(...eventFaults(await following, this.#intervals));
    clearTimeout(nudge);
    return {
      kills: this.#kills,
      intervals: this.#intervals.length,
      acknowledged: this.#acknowledged.length,
      answersLost: this.#answersLost,
      faults,
    };
  }
}

/** Each event of each interval once, in an order that the steps allow. */
function eventFaults(events: readonly LedgerEvent[], intervals: readonly string[]): string[] {
  const checkpoints = new Set(events.map(({ checkpoint }) => checkpoint));
  const faults = checkpoints.size === events.length ? [] : ['an event came twice'];
  for (const intervalId of intervals) {
    const names = events.filter(({ payload }) => payload.intervalId === intervalId).map(({ name }) => name);
    if ([...names].sort().join() !== EVENTS_OF_AN_INTERVAL.join()) {
      faults.push(`events of ${intervalId}: ${names.join(', ')}`);
    }
  }
  return faults;
}

/** Codes after which a client tries again: nobody there, no answer, or a state that is about to change. */
function mayHelp(error: FieldbidError): boolean {
  return error.retryable || error.details.outcomeUnknown === true || MOVING.has(error.code);
}

/** A transaction that was left open is being ended meanwhile: what was read for this one is out of date. */
const MOVING: ReadonlySet<string> = new Set(['REVISION_CONFLICT']);

function dersOf(deraId: string): string[] {
  return Array.from({ length: DERS_EACH }, (_, i) => `${deraId}-pv${i}`);
}
