/**
 * The suite that every Ledger passes: `ledgerConformance(test, 'name', open)`. Ids are made afresh for each
 * case, so that a ledger which cannot be emptied (Fabric) passes it too.
 */
import { randomBytes } from 'node:crypto';
import {
  batch,
  certificate,
  checksum,
  claim,
  enrolment,
  qualification,
  registration,
  signedClaim,
} from '@fieldbid/chaincode/testing/fixtures';
import type { TransactionName } from '@fieldbid/chaincode/transactions/execute';
import type { DerPage } from '@fieldbid/chaincode/transactions/payloads';
import type { RefusalCode } from '@fieldbid/chaincode/transactions/refusal';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { mapAtOnce } from '@fieldbid/core/map-at-once';
import { seededSigner } from '@fieldbid/core/signing-key';
import type { ExecutionContext, TestFn } from 'ava';
import { positionOf } from './checkpoint.ts';
import { type Endorsed, type Ledger, type LedgerIdentity, type Submitted, submit } from './ledger.ts';

export interface LedgerUnderTest {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

const INTERVAL = '2026-06-21T12:00Z';

/** One case's market: an aggregator with a name of its own, and the DSO. */
class Market {
  readonly ledger: Ledger;
  readonly deraId: string;
  readonly dera: LedgerIdentity;
  readonly dso: LedgerIdentity;
  readonly #t: ExecutionContext;

  constructor(
    t: ExecutionContext,
    ledger: Ledger,
    deraId: string,
    dera: LedgerIdentity,
    dso: LedgerIdentity,
  ) {
    this.#t = t;
    this.ledger = ledger;
    this.deraId = deraId;
    this.dera = dera;
    this.dso = dso;
  }

  static async open(t: ExecutionContext, ledger: Ledger): Promise<Market> {
    const deraId = `dera-${randomBytes(6).toString('hex')}`;
    const dera = await ledger.identity({ mspId: 'DeraMSP', role: 'dera', deraId });
    const dso = await ledger.identity({ mspId: 'DsoMSP', role: 'dso' });
    return new Market(t, ledger, deraId, dera, dso);
  }

  submit(identity: LedgerIdentity, name: TransactionName, payload: unknown): Promise<Submitted> {
    return submit(this.ledger, identity, name, JSON.stringify(payload));
  }

  async committed(identity: LedgerIdentity, name: TransactionName, payload: unknown): Promise<string> {
    const submitted = await this.submit(identity, name, payload);
    this.#t.is(submitted.outcome, 'committed', JSON.stringify(submitted));
    return submitted.outcome === 'committed' ? submitted.txId : '';
  }

  async evaluate(name: TransactionName, payload: unknown): Promise<unknown> {
    const evaluated = await this.ledger.evaluate(this.dso, name, JSON.stringify(payload));
    return evaluated.outcome === 'answered' ? JSON.parse(evaluated.result) : evaluated.refusal.code;
  }

  /** The registration of a DER, endorsed and not sent. */
  async endorsed(name: string): Promise<Endorsed> {
    const { deraId } = this;
    const payload = JSON.stringify(registration(`${deraId}-${name}`, { deraId }));
    const endorsement = await this.ledger.endorse(this.dera, 'registerDer', payload);
    if (endorsement.outcome === 'endorsed') return endorsement;
    throw new RangeError(endorsement.refusal.message);
  }

  /** Ids of this market's DERs. */
  async ders(): Promise<string[]> {
    const ids: string[] = [];
    for (let after: string | null | undefined = `der~${this.deraId}`; after !== null; ) {
      const page = (await this.evaluate('listDers', { after })) as DerPage;
      ids.push(...page.ders.filter(({ deraId }) => deraId === this.deraId).map(({ derId }) => derId));
      after = page.next;
    }
    return ids;
  }

  /** Registers and qualifies a DER of this market's aggregator. */
  async der(name: string, devices = [`${this.deraId}-${name}-inverter`]): Promise<string> {
    const derId = `${this.deraId}-${name}`;
    const { deraId } = this;
    await this.committed(this.dera, 'registerDer', registration(derId, { deraId, deviceIds: devices }));
    await this.committed(this.dso, 'qualifyDer', {
      derId,
      status: 'qualified',
      limit_W: 80_000,
      reason: '',
    });
    return derId;
  }
}

export function ledgerConformance(test: TestFn, name: string, open: () => Promise<LedgerUnderTest>): void {
  const withMarket = (title: string, run: (t: ExecutionContext, market: Market) => Promise<void>): void =>
    test(`${name}: ${title}`, async (t) => {
      const { ledger, close } = await open();
      try {
        await run(t, await Market.open(t, ledger));
      } finally {
        await close();
      }
    });

  withMarket(
    'what is sold a day ahead is sold by nobody else in real time, nor the other way round',
    async (t, market) => {
      const other = await Market.open(t, market.ledger);
      const [first, second] = [`${market.deraId}-one`, `${market.deraId}-two`];
      for (const of of [market, other])
        for (const device of [first, second]) await of.der(device.slice(-3), [device]);
      const sell = (of: Market, device: string, intervalId: string) =>
        of.submit(
          of.dera,
          'submitBids',
          batch(
            [claim(`${of.deraId}-${device.slice(-3)}`, { intervalId, deviceIds: [device] })],
            of.deraId,
            intervalId,
          ),
        );
      const [quarter, hour] = ['2031-03-01T09:45Z', '2031-03-01T09:00Z--PT60M'];
      t.is((await sell(market, first, hour)).outcome, 'committed');
      t.like(await sell(other, first, quarter), { outcome: 'refused', refusal: { code: 'CLAIMED' } });
      t.is((await sell(market, second, quarter)).outcome, 'committed');
      t.like(await sell(other, second, hour), { outcome: 'refused', refusal: { code: 'CLAIMED' } });
    },
  );

  withMarket('what is committed is read back', async (t, market) => {
    const derId = await market.der('pv1');
    await market.committed(market.dera, 'submitBids', batch([claim(derId)], market.deraId));
    const uid = bidUid(derId, INTERVAL, 'energy');
    t.like(await market.evaluate('readBid', { uid }), {
      uid,
      revision: 1,
      status: 'submitted',
      quantity_W: 50_000,
    });
  });

  withMarket(
    'an endorsed transaction has written nothing, and is committed once however often it is sent',
    async (t, market) => {
      const { ledger } = market;
      const { txId, bytes } = await market.endorsed('pv');
      t.is(await ledger.status(txId), 'unknown');
      t.deepEqual(await market.ders(), []);
      const committed = await ledger.commit(bytes);
      t.is(committed.txId, txId);
      t.is(await ledger.status(txId), 'committed');
      const again = await Promise.all([ledger.commit(bytes), ledger.commit(bytes)]);
      t.deepEqual(again, [committed, committed]);
      t.is((await market.ders()).length, 1);
      t.is(await ledger.status('0'.repeat(64)), 'unknown');
    },
  );

  withMarket('the same endorsed transaction sent twice at once is committed once', async (t, market) => {
    const { txId, bytes } = await market.endorsed('pv');
    const sent = await Promise.all([market.ledger.commit(bytes), market.ledger.commit(bytes)]);
    t.deepEqual(sent[0], sent[1]);
    t.is(sent[0]?.txId, txId);
    t.deepEqual((await market.ledger.verify()).findings, []);
  });

  withMarket(
    'what was endorsed is not committed once that which it had read has changed',
    async (t, market) => {
      const first = await market.endorsed('pv');
      const second = await market.endorsed('pv');
      await market.ledger.commit(first.bytes);
      const fault = await t.throwsAsync(market.ledger.commit(second.bytes));
      t.is(codeOf(fault), 'LEDGER_CONFLICT');
      t.not(await market.ledger.status(second.txId), 'committed');
      t.is(codeOf(await t.throwsAsync(market.ledger.commit(second.bytes))), 'LEDGER_CONFLICT');
    },
  );

  withMarket('bytes that were changed after their endorsement are rejected', async (t, market) => {
    const { bytes } = await market.endorsed('pv');
    const text = Buffer.from(bytes);
    const at = text.indexOf(`${market.deraId}-pv`) + market.deraId.length + 1;
    text[at] = 'q'.charCodeAt(0);
    t.is(codeOf(await t.throwsAsync(market.ledger.commit(text))), 'LEDGER_REJECTED');
    t.is(codeOf(await t.throwsAsync(market.ledger.commit(bytes.subarray(0, -9)))), 'LEDGER_REJECTED');
    t.is(codeOf(await t.throwsAsync(market.ledger.commit(new Uint8Array()))), 'LEDGER_REJECTED');
    t.deepEqual(await market.ders(), []);
    await market.ledger.commit(bytes);
    t.is((await market.ders()).length, 1);
  });

  withMarket('a refusal is returned with its code, and nothing is written', async (t, market) => {
    const derId = `${market.deraId}-unknown`;
    const submitted = await market.submit(
      market.dera,
      'submitBids',
      batch([claim(derId)], await knownDera(market)),
    );
    t.like(submitted, { outcome: 'refused', refusal: { code: 'NOT_REGISTERED' } });
    t.is(await market.evaluate('readBid', { uid: bidUid(derId, INTERVAL, 'energy') }), 'NOT_FOUND');
  });

  withMarket(
    'the organisation and the role are those of the signing identity, not of the payload',
    async (t, market) => {
      const { deraId } = market;
      const payload = registration(`${deraId}-pv`, { deraId });
      t.like(await market.submit(market.dso, 'registerDer', payload), { refusal: { code: 'WRONG_ORG' } });
      const other = await market.ledger.identity({
        mspId: 'DeraMSP',
        role: 'dera',
        deraId: `${deraId}-other`,
      });
      t.like(await market.submit(other, 'registerDer', payload), { refusal: { code: 'WRONG_AGGREGATOR' } });
      const claimed = { ...market.dera, mspId: 'DsoMSP', role: 'dso' as const };
      const forged = await market.submit(claimed, 'decideInterval', {
        intervalId: INTERVAL,
        certificate: certificate(),
        changes: [],
      });
      t.like(forged, { refusal: { code: 'WRONG_ORG' } });
    },
  );

  withMarket(
    'what nobody may do is refused by the contract, whoever asks, and nothing is written',
    async (t, market) => {
      const { deraId, dera, dso } = market;
      const other = await Market.open(t, market.ledger);
      const [derId, suspended, theirs] = [
        await market.der('pv'),
        await market.der('suspended'),
        await other.der('pv', [`${deraId}-pv-inverter`]),
      ];
      const device = seededSigner(1, derId);
      const deviceIds = [`${deraId}-pv-inverter`];
      await market.committed(dera, 'enrolKey', await enrolment(derId, device, { deraId, deviceIds }));
      await market.committed(dso, 'qualifyDer', { ...qualification(suspended), status: 'suspended' });
      const intervalId = uniqueInterval();
      const uid = bidUid(derId, intervalId, 'energy');
      const about = { deraId, intervalId, uid, deviceIds };
      const good = await signedClaim(derId, device, about);
      const unsigned = (id: string, of: Market, devices?: string[]) =>
        batch([claim(id, { intervalId, deviceIds: devices ?? [`${id}-inverter`] })], of.deraId, intervalId);
      const decided = (quantity_W: number, expectedRevision: number) => ({
        ...{ intervalId, certificate: certificate() },
        changes: [{ uid, quantity_W, expectedRevision, checksum: checksum(2) }],
      });
      type Try = readonly [
        what: string,
        of: Market,
        by: LedgerIdentity,
        name: TransactionName,
        payload: unknown,
        code: RefusalCode,
      ];
      const refusedFirst: Try[] = [
        [
          'a bid signed by another device',
          market,
          dera,
          'submitBids',
          batch([await signedClaim(derId, seededSigner(2, 'x'), about)], deraId, intervalId),
          'UNKNOWN_KEY',
        ],
        [
          'a signed bid that was changed',
          market,
          dera,
          'submitBids',
          batch([{ ...good, quantity_W: 1 }], deraId, intervalId),
          'BAD_SIGNATURE',
        ],
        [
          'an unsigned bid of an enrolled device',
          market,
          dera,
          'submitBids',
          unsigned(derId, market, deviceIds),
          'UNSIGNED',
        ],
        ['a suspended DER', market, dera, 'submitBids', unsigned(suspended, market), 'NOT_QUALIFIED'],
        [
          'a DER that is not registered',
          market,
          dera,
          'submitBids',
          unsigned(`${deraId}-nobody`, market),
          'NOT_REGISTERED',
        ],
        [
          'another aggregator’s DER',
          market,
          dera,
          'submitBids',
          unsigned(theirs, market, deviceIds),
          'WRONG_AGGREGATOR',
        ],
        [
          'bids in another aggregator’s name',
          market,
          dera,
          'submitBids',
          unsigned(theirs, other, deviceIds),
          'WRONG_AGGREGATOR',
        ],
        ['bids by the DSO', market, dso, 'submitBids', batch([good], deraId, intervalId), 'WRONG_ORG'],
        [
          'a malformed record',
          market,
          dera,
          'submitBids',
          { ...batch([good], deraId, intervalId), price: 7 },
          'MALFORMED',
        ],
        [
          'an oversized record',
          market,
          dera,
          'submitBids',
          { pad: 'x'.repeat(9 * 1024 * 1024) },
          'MALFORMED',
        ],
      ];
      const refusedLater: Try[] = [
        ['a replayed bid', market, dera, 'submitBids', batch([good], deraId, intervalId), 'REPLAY'],
        [
          'a claim of the same device by a second aggregator',
          other,
          other.dera,
          'submitBids',
          unsigned(theirs, other, deviceIds),
          'CLAIMED',
        ],
        [
          'a DSO that raises a quantity',
          market,
          dso,
          'decideInterval',
          decided(50_001, 1),
          'QUANTITY_RAISED',
        ],
        ['a stale revision', market, dso, 'decideInterval', decided(40_000, 2), 'REVISION_CONFLICT'],
        ['a decision by the DERA', market, dera, 'decideInterval', decided(40_000, 1), 'WRONG_ORG'],
        [
          'an award before the decision',
          market,
          dera,
          'recordAwards',
          { intervalId, deraId, changes: [] },
          'NOT_DECIDED',
        ],
      ];
      const attempt = async ([what, of, by, name, payload, code]: Try): Promise<void> => {
        const submitted = await of.submit(by, name, payload);
        t.is(submitted.outcome === 'refused' ? submitted.refusal.code : submitted.outcome, code, what);
      };
      for (const one of refusedFirst) await attempt(one);
      t.like(await market.evaluate('readInterval', { intervalId }), { submissions: [], decision: null });
      await market.committed(dera, 'submitBids', batch([good], deraId, intervalId));
      for (const one of refusedLater) await attempt(one);
      t.like(await market.evaluate('readBid', { uid }), {
        revision: 1,
        quantity_W: 50_000,
        keyId: device.keyId,
      });
    },
  );

  withMarket('an organisation that is not of the ledger has no identity', async (t, market) => {
    const fault = await t.throwsAsync(market.ledger.identity({ mspId: 'NobodyMSP', role: 'dso' }));
    t.is(codeOf(fault), 'UNKNOWN_IDENTITY');
  });

  withMarket('every revision stays readable, in order', async (t, market) => {
    const derId = await market.der('pv1');
    const uid = bidUid(derId, INTERVAL, 'energy');
    const intervalId = uniqueInterval();
    const id = bidUid(derId, intervalId, 'energy');
    await market.committed(
      market.dera,
      'submitBids',
      batch([claim(derId, { intervalId })], market.deraId, intervalId),
    );
    await market.committed(market.dso, 'decideInterval', {
      intervalId,
      certificate: certificate(),
      changes: [{ uid: id, expectedRevision: 1, quantity_W: 40_000, checksum: checksum(2) }],
    });
    const history = (await market.evaluate('readBidHistory', { uid: id })) as {
      revision: number;
      quantity_W: number;
    }[];
    t.deepEqual(await market.evaluate('readIntervalHistory', { intervalId }), history);
    t.deepEqual(
      history.map(({ revision, quantity_W }) => [revision, quantity_W]),
      [
        [1, 50_000],
        [2, 40_000],
      ],
    );
    t.is(await market.evaluate('readBid', { uid }), 'NOT_FOUND');
  });

  withMarket('of 500 concurrent claims on one device exactly one is committed', async (t, market) => {
    const shared = `${market.deraId}-shared`;
    t.timeout(120_000);
    // Some at a time: this is about the claims, not about the registrations before them.
    const others = await mapAtOnce([...Array(500).keys()], 50, async () => {
      const m = await Market.open(t, market.ledger);
      return { m, derId: await m.der('pv', [shared]) };
    });
    const intervalId = uniqueInterval();
    const outcomes = await Promise.all(
      others.map(({ m, derId }) =>
        persistently(() =>
          m.submit(
            m.dera,
            'submitBids',
            batch([claim(derId, { intervalId, deviceIds: [shared] })], m.deraId, intervalId),
          ),
        ),
      ),
    );
    t.is(outcomes.filter(({ outcome }) => outcome === 'committed').length, 1);
    const codes = outcomes.flatMap((o) => (o.outcome === 'refused' ? [o.refusal.code] : []));
    t.deepEqual([...new Set(codes)], ['CLAIMED']);
  });

  withMarket('events come once and in order, from any checkpoint, past and to come', async (t, market) => {
    const before = await market.ledger.head();
    const live = collect(market, before, 3);
    await market.der('pv1');
    const txId = await market.committed(market.dera, 'submitBids', {
      ...batch([], market.deraId),
      intervalId: uniqueInterval(),
    });
    const events = await live;
    t.deepEqual(
      events.map((event) => event.name),
      ['DerRegistered', 'DerQualified', 'BidsSubmitted'],
    );
    t.is(events[2]?.txId, txId);
    t.deepEqual(await collect(market, before, 3), events);
    t.deepEqual(await collect(market, events[0]?.checkpoint, 2), events.slice(1));
    const head = positionOf(await market.ledger.head());
    t.true(head.block >= positionOf(events[2]?.checkpoint ?? '').block);
  });

  withMarket('a checkpoint beyond the end is refused: it is of another ledger', async (t, market) => {
    const fault = await t.throwsAsync(collect(market, '999999999.0', 1));
    t.is(codeOf(fault), 'CHECKPOINT_UNKNOWN');
  });

  withMarket('an aborted event stream ends quietly', async (t, market) => {
    const ending = new AbortController();
    const reading = (async () => {
      for await (const event of market.ledger.events(await market.ledger.head(), ending.signal))
        t.fail(event.name);
    })();
    ending.abort();
    await reading;
    t.pass();
  });

  withMarket('a ledger that nobody touched verifies', async (t, market) => {
    await market.der('pv1');
    const report = await market.ledger.verify();
    t.deepEqual(report.findings, []);
    t.true(report.transactions >= 2);
  });
}

/** The market's aggregator, made known by a DER of its own. */
async function knownDera(market: Market): Promise<string> {
  await market.der('known');
  return market.deraId;
}

let intervals = 0;
/** Intervals are decided once; on a ledger that stays, each case takes its own. */
function uniqueInterval(): string {
  const day = randomBytes(2).readUInt16BE(0);
  const minute = (day * 1440 + intervals++) * 60_000;
  return `${new Date(Date.UTC(2027, 0, 1) + minute).toISOString().slice(0, 16)}Z`;
}

/** Conflicts are retried, as the gateway does. */
async function persistently(submit: () => Promise<Submitted>): Promise<Submitted> {
  for (;;) {
    try {
      return await submit();
    } catch (error) {
      if (codeOf(error) !== 'LEDGER_CONFLICT') throw error;
    }
  }
}

/** Events of one market: on a ledger that stays, others have theirs in between. */
async function collect(
  { ledger, deraId }: Market,
  after: string | undefined,
  count: number,
): Promise<LedgerEvent[]> {
  const ending = new AbortController();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.events(after, ending.signal)) {
    if (event.payload.deraId === deraId) events.push(event);
    if (events.length === count) ending.abort();
  }
  return events;
}
