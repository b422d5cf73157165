import { fileURLToPath } from 'node:url';
import { FieldbidError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { proportional } from './feasibility/proportional.ts';
import type { FeederDer } from './feeder/feeder.ts';
import { loadFeeder } from './feeder/load-feeder.ts';
import { openPowerFlow } from './feeder/open-feeder.ts';
import { isSolved, type PowerFlow } from './power-flow/power-flow.ts';
import { type DsoOptions, DsoService } from './service.ts';
import { MemoryGateway } from './testing/memory-gateway.ts';

const feeder = loadFeeder(fileURLToPath(new URL('../feeders/ieee13/feeder.yaml', import.meta.url)));
const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
const NOON = '2026-06-21T12:00Z';
const MORNING = '2026-06-21T06:00Z';

test.after.always(() => powerFlow.close());

function started(gateway: MemoryGateway, options: Partial<DsoOptions> = {}): DsoService {
  const fixed = { gateway, feeder, powerFlow, interval_min: 15, policy: proportional, log: silentLogger() };
  const service = new DsoService({ ...fixed, deraIds: ['dera-1'], ...options });
  service.start();
  return service;
}

function bidsOf(ders: readonly FeederDer[], share = 1): Record<string, number> {
  return Object.fromEntries(ders.map(({ derId, nameplate_W }) => [derId, Math.floor(nameplate_W * share)]));
}

function registrationOf({ derId, bus, phases, nameplate_W, deviceIds }: FeederDer) {
  return {
    derId,
    deraId: 'dera-1',
    feederId: feeder.id,
    bus,
    phases: phases.join(''),
    nameplate_W,
    deviceIds: [...deviceIds],
  };
}

async function highest(gateway: MemoryGateway, intervalId: string, minuteOfDay: number): Promise<number> {
  const derPower_W = Object.fromEntries(
    feeder.ders.map(({ derId }) => [derId, Math.max(0, gateway.quantityOf(intervalId, derId))]),
  );
  const [result] = await powerFlow.solveMany([feeder.caseAt({ minuteOfDay, derPower_W })]);
  return result !== undefined && isSolved(result) ? result.max_pu : Number.NaN;
}

test.serial(
  'a DER that is what the feeder file says is qualified, another is suspended with the reason',
  async (t) => {
    const gateway = new MemoryGateway();
    const service = started(gateway);
    const [first, second, third] = feeder.ders.map(registrationOf);
    gateway.register(first!);
    gateway.register({ ...second!, bus: 'n680', nameplate_W: 999_999 });
    gateway.register({ ...third!, derId: 'pv-unknown' });
    await gateway.announced('DerQualified', 'pv-unknown');
    await service.stop();
    t.like(gateway.ders.get(first!.derId), { status: 'qualified', limit_W: first!.nameplate_W });
    t.like(gateway.ders.get(second!.derId), { status: 'suspended', limit_W: 0 });
    t.like(gateway.ders.get('pv-unknown'), { status: 'suspended', limit_W: 0 });
  },
);

test.serial('bids that the feeder cannot carry come back scaled, with a certificate', async (t) => {
  const gateway = new MemoryGateway();
  const service = started(gateway);
  gateway.submit(NOON, 'dera-1', bidsOf(feeder.ders));
  await gateway.announced('IntervalDecided', NOON);
  const certificate = gateway.intervals.get(NOON)?.decision;
  t.like(certificate, {
    outcome: 'CURTAILED',
    policy: 'proportional',
    margin_upu: 2500,
    bindingNode: 'l611.C',
    engine: 'gridlabd 6.0.0',
    feederSha256: feeder.sha256,
  });
  t.true((certificate?.originalMax_upu ?? 0) > 1_060_000);
  t.true((certificate?.approvedMax_upu ?? 2e6) <= 1_047_501);
  t.true((await highest(gateway, NOON, 727.5)) <= 1.0475 + 1e-6);
  // The market clears a part of it only: the DSO checks what is left once more.
  gateway.award(NOON, 'dera-1', ({ derId, quantity_W }) => (derId === 'pv-680' ? 0 : quantity_W));
  await gateway.announced('DispatchConfirmed', NOON);
  await service.stop();
  t.true(['ACCEPTED', 'CURTAILED'].includes(gateway.intervals.get(NOON)?.dispatch?.outcome ?? ''));
  t.is(gateway.quantityOf(NOON, 'pv-680'), 0);
  t.true((await highest(gateway, NOON, 727.5)) <= 1.0475 + 1e-6);
});

test.serial('a replay from the first event decides nothing twice', async (t) => {
  const gateway = new MemoryGateway();
  const first = started(gateway);
  gateway.submit(MORNING, 'dera-1', bidsOf(feeder.ders, 0.01));
  await gateway.announced('IntervalDecided', MORNING);
  await first.stop();
  const before = structuredClone(gateway.intervals.get(MORNING));
  const handled: string[] = [];
  const second = started(gateway, { onHandled: (checkpoint) => handled.push(checkpoint) });
  gateway.submit(NOON, 'dera-1', {});
  await gateway.announced('IntervalDecided', NOON);
  await second.stop();
  t.deepEqual(gateway.intervals.get(MORNING), before);
  t.true(handled.includes('0'));
  t.like(gateway.intervals.get(NOON)?.decision, { outcome: 'ACCEPTED' });
});

test.serial(
  'all aggregators are checked together; one that is late is not waited for for ever',
  async (t) => {
    const gateway = new MemoryGateway();
    const patient = started(gateway, { deraIds: ['dera-1', 'dera-2'], lateAfter_ms: 600_000 });
    const [one, two] = [feeder.ders.slice(0, 6), feeder.ders.slice(6)];
    gateway.submit(NOON, 'dera-1', bidsOf(one));
    gateway.submit(NOON, 'dera-2', bidsOf(two));
    await gateway.announced('IntervalDecided', NOON);
    await patient.stop();
    const shares = feeder.ders.map(({ derId, nameplate_W }) => gateway.quantityOf(NOON, derId) / nameplate_W);
    t.true(Math.max(...shares) - Math.min(...shares) < 1e-4, 'one factor for everybody');
    t.true(shares[0]! < 1);
    const hasty = started(gateway, { deraIds: ['dera-1', 'dera-2'], lateAfter_ms: 20 });
    gateway.submit(MORNING, 'dera-1', bidsOf(one, 0.01));
    await gateway.announced('IntervalDecided', MORNING);
    await hasty.stop();
    t.is(gateway.intervals.get(MORNING)?.decision?.outcome, 'ACCEPTED');
  },
);

test.serial('without enforcement everything is approved and its effect recorded', async (t) => {
  const gateway = new MemoryGateway();
  const service = started(gateway, { enforce: false });
  gateway.submit(NOON, 'dera-1', bidsOf(feeder.ders));
  await gateway.announced('IntervalDecided', NOON);
  await service.stop();
  const certificate = gateway.intervals.get(NOON)?.decision;
  t.like(certificate, { outcome: 'ACCEPTED', policy: 'none', alpha_ppm: 1_000_000, bindingNode: 'l611.C' });
  t.true((certificate?.originalMax_upu ?? 0) > 1_060_000);
  t.is(gateway.quantityOf(NOON, 'pv-680'), 720_000);
});

test.serial(
  'with a dead engine nothing is approved, that is said, and the next interval is decided again',
  async (t) => {
    let dead = true;
    const failing: PowerFlow = {
      description: powerFlow.description,
      solve: (one) => powerFlow.solve(one),
      solveMany: (cases) =>
        dead
          ? Promise.reject(new FieldbidError('ENGINE_UNAVAILABLE', 'no engine', { retryable: true }))
          : powerFlow.solveMany(cases),
      close: async () => undefined,
    };
    const gateway = new MemoryGateway();
    const service = started(gateway, { powerFlow: failing });
    gateway.submit(NOON, 'dera-1', bidsOf(feeder.ders));
    await gateway.announced('IntervalDecided', NOON);
    t.like(gateway.intervals.get(NOON)?.decision, { outcome: 'ENGINE_UNAVAILABLE', originalMax_upu: null });
    t.is(gateway.quantityOf(NOON, 'pv-680'), 0);
    dead = false;
    gateway.submit(MORNING, 'dera-1', bidsOf(feeder.ders, 0.01));
    await gateway.announced('IntervalDecided', MORNING);
    await service.stop();
    t.is(gateway.intervals.get(MORNING)?.decision?.outcome, 'ACCEPTED');
  },
);

test.serial(
  'a bid from a DER that is not on the feeder gets nothing, and the others are decided',
  async (t) => {
    const gateway = new MemoryGateway();
    const service = started(gateway);
    gateway.submit(MORNING, 'dera-1', { ...bidsOf(feeder.ders, 0.01), 'pv-elsewhere': 5000 });
    await gateway.announced('IntervalDecided', MORNING);
    await service.stop();
    t.is(gateway.intervals.get(MORNING)?.decision?.outcome, 'CURTAILED');
    t.regex(gateway.intervals.get(MORNING)?.decision?.note ?? '', /nothing for pv-elsewhere/);
    t.is(gateway.quantityOf(MORNING, 'pv-elsewhere'), 0);
    t.is(gateway.quantityOf(MORNING, 'pv-680'), 7200);
  },
);

test.serial('a gateway that is away for a moment costs nothing', async (t) => {
  const gateway = new MemoryGateway();
  gateway.failures = 2;
  const service = started(gateway);
  gateway.submit(MORNING, 'dera-1', {}, ['pv-680']);
  await gateway.announced('IntervalDecided', MORNING);
  await service.stop();
  t.is(gateway.intervals.get(MORNING)?.decision?.outcome, 'ACCEPTED');
});
