/**
 * `npm run bench -- ledger`: bids stored and returned through the BC-GW as the paper states it (M32), on the embedded
 * ledger and, where its programs are, on a Fabric network of its own. All bids are signed by their devices.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeysOf, newApiKey } from '@fieldbid/bc-gateway/auth/api-keys';
import { BcGateway } from '@fieldbid/bc-gateway/gateway';
import { EmbeddedLedger } from '@fieldbid/bc-gateway/ledger/embedded/embedded-ledger';
import { FabricLedger } from '@fieldbid/bc-gateway/ledger/fabric/fabric-ledger';
import type { Ledger } from '@fieldbid/bc-gateway/ledger/ledger';
import { openSqliteStores } from '@fieldbid/bc-gateway/store/sqlite/open';
import { startFabric, WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import { bid, certificate, enrolment, registration } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { minuteId } from '@fieldbid/core/interval';
import { silentLogger } from '@fieldbid/core/logging';
import type { Bid } from '@fieldbid/core/market/messages';
import { signBid } from '@fieldbid/core/market/signed-bid';
import { seededSigner } from '@fieldbid/core/signing-key';

type Row = [what: string, measured: string, beside: string];

const DERS = 1000;
/** Registrations at once. */
const WIDTH = 50;
const START_MS = Date.UTC(2026, 5, 21);
const QUARTER_MS = 900_000;

/** Times, ms: what is aimed at on Fabric, and what the paper states for one bid. */
const LIMITS = {
  returned: { aim_ms: 50, paper_ms: 500 },
  stored: { aim_ms: undefined, paper_ms: 5000 },
  hundred: { aim_ms: 700, paper_ms: 5000 },
  thousand: { aim_ms: 10_000, paper_ms: undefined },
  allocation: { aim_ms: 3000, paper_ms: undefined },
} as const;

export async function ledgerFigures(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-bench-ledger-'));
  const rows: Row[] = [];
  try {
    console.error('embedded ledger …');
    const embedded = await EmbeddedLedger.open({ dir: join(folder, 'ledger'), now: Date.now });
    rows.push(...(await figuresOf(embedded, 'embedded', join(folder, 'embedded.sqlite'))));
    if (WITHOUT_FABRIC !== undefined) {
      return [...rows, ['Hyperledger Fabric', 'not measured', WITHOUT_FABRIC]];
    }
    console.error('Fabric, blocks of at most 200 ms …');
    const network = await startFabric();
    try {
      const fabric = await FabricLedger.open(network.profileFile);
      rows.push(...(await figuresOf(fabric, 'Fabric', join(folder, 'fabric.sqlite'))));
      const { processes } = await network.status();
      const memory = processes.map(({ name, memory_MiB }) => `${name} ${memory_MiB}`).join(', ');
      rows.push(['Fabric · memory after that, MiB', memory, '']);
    } finally {
      await network.delete();
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function figuresOf(ledger: Ledger, name: string, file: string): Promise<Row[]> {
  const stores = await openSqliteStores({ file });
  const made = [
    newApiKey({ name: 'north', role: 'dera', deraId: 'north' }),
    newApiKey({ name: 'dso', role: 'dso' }),
  ];
  const gateway = await BcGateway.start({
    config: { listen: { port: 0 }, rateLimit: { perSecond: 1e6, burst: 1_000_000 } },
    ...{ ledger, stores, now: Date.now, log: silentLogger() },
    keys: apiKeysOf(made.map(({ entry }) => entry)),
  });
  const [north, dso] = made.map(
    ({ key }) => new GatewayClient({ url: gateway.url, apiKey: key, deadline_ms: 60_000 }),
  );
  const market = new LedgerMarket(north as GatewayClient, dso as GatewayClient);
  try {
    await market.register();
    const row = (what: keyof typeof LIMITS, label: string, times: readonly number[]): Row =>
      rowOf(`${name} · ${label}`, times, LIMITS[what]);
    return [
      row('stored', 'one bid stored', await market.stored(1, 20)),
      row('returned', 'one bid returned, verified', await market.returned(300)),
      row('hundred', '100 bids of one interval stored', await market.stored(100, 20)),
      row('thousand', '1,000 bids of one interval stored', await market.stored(1000, 3)),
      row(
        'allocation',
        'gate closure → allocation, 100 DERs (without power flow)',
        await market.rounds(100, 15),
      ),
    ];
  } finally {
    await market.close();
    await gateway.close();
    await stores.close();
    await ledger.close();
  }
}

class LedgerMarket {
  readonly #north: GatewayClient;
  readonly #dso: GatewayClient;
  readonly #ending = new AbortController();
  readonly #following: Promise<void>;
  readonly #waiting = new Map<string, () => void>();
  #intervals = 0;
  #last: Bid | undefined;

  constructor(north: GatewayClient, dso: GatewayClient) {
    this.#north = north;
    this.#dso = dso;
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#following;
  }

  async register(): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < DERS; i = next++) {
        const derId = `pv${i}`;
        await this.#north.registerDer(registration(derId));
        await this.#dso.qualifyDer(derId, { status: 'qualified', limit_W: 80_000, reason: 'bench' });
        await this.#north.enrolKey(await enrolment(derId, seededSigner(i, derId)));
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, work));
  }

  async stored(bids: number, times: number): Promise<number[]> {
    const taken: number[] = [];
    for (let i = 0; i < times; i++) {
      const { intervalId, batch } = await this.#batch(bids);
      taken.push(await timed(() => this.#north.submitBids(intervalId, batch)));
    }
    return taken;
  }

  async returned(times: number): Promise<number[]> {
    const taken: number[] = [];
    const uid = this.#last?.uid ?? '';
    for (let i = 0; i < times; i++) taken.push(await timed(() => this.#north.readBid(uid)));
    return taken;
  }

  /** Steps 5 to 10 as the services make them: each waits for the event of the step before. */
  async rounds(bids: number, times: number): Promise<number[]> {
    const taken: number[] = [];
    for (let i = 0; i < times; i++) {
      const { intervalId, batch } = await this.#batch(bids);
      taken.push(await timed(() => this.#round(intervalId, batch)));
    }
    return taken;
  }

  async #round(intervalId: string, batch: Parameters<GatewayClient['submitBids']>[1]): Promise<void> {
    const submitted = this.#event('BidsSubmitted', intervalId);
    await this.#north.submitBids(intervalId, batch);
    await submitted;
    const decided = this.#event('IntervalDecided', intervalId);
    await this.#dso.decide(intervalId, {
      certificate: certificate(),
      quantities: await this.#now(intervalId, 0.8),
    });
    await decided;
    const approved = await this.#north.readRecords(intervalId);
    const awarded = this.#event('AwardsRecorded', intervalId);
    await this.#north.recordAwards(intervalId, {
      ...{ deraId: 'north', price_uUSD_per_MWh: 40_000_000 },
      quantities: approved.map(({ state: { uid, revision, quantity_W } }) => ({
        ...{ uid, expectedRevision: revision, quantity_W },
      })),
    });
    await awarded;
    const dispatched = this.#event('DispatchConfirmed', intervalId);
    const confirmed = certificate({ outcome: 'ACCEPTED' });
    await this.#dso.confirmDispatch(intervalId, {
      certificate: confirmed,
      quantities: await this.#now(intervalId, 1),
    });
    await dispatched;
    await this.#north.readRecords(intervalId);
  }

  async #now(intervalId: string, share: number) {
    const { submissions } = await this.#dso.readInterval(intervalId);
    return submissions
      .flatMap(({ bids }) => bids)
      .map(({ uid, revision, quantity_W }) => ({
        ...{ uid, expectedRevision: revision },
        quantity_W: Math.floor(quantity_W * share),
      }));
  }

  async #batch(count: number) {
    const number = this.#intervals++;
    const intervalId = minuteId(START_MS + number * QUARTER_MS);
    const bids = await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const derId = `pv${i}`;
        const uid = bidUid(derId, intervalId, 'energy');
        return signBid(seededSigner(i, derId), bid(derId, { intervalId, uid, sequence: number + 1 }));
      }),
    );
    this.#last = bids[0];
    return { intervalId, batch: { deraId: 'north', bids, silentDerIds: [] } };
  }

  #event(name: LedgerEvent['name'], intervalId: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(`${name} ${intervalId}`, resolve));
  }

  async #follow(): Promise<void> {
    for await (const { name, payload } of this.#dso.events(undefined, this.#ending.signal)) {
      const key = `${name} ${String(payload.intervalId)}`;
      this.#waiting.get(key)?.();
      this.#waiting.delete(key);
    }
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function rowOf(
  label: string,
  times: readonly number[],
  { aim_ms, paper_ms }: { readonly aim_ms: number | undefined; readonly paper_ms: number | undefined },
): Row {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  const [p50, p95, p99] = [at(0.5), at(0.95), at(0.99)];
  const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  const beside = [
    ...(aim_ms === undefined ? [] : [`aim < ${aim_ms} ms`]),
    ...(paper_ms === undefined
      ? []
      : [`paper, one bid < ${paper_ms} ms: ${(paper_ms / p99).toFixed(1)} × faster`]),
  ];
  return [label, `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)} ms (${times.length})`, beside.join('; ')];
}
