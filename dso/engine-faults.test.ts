/**
 * Faults of the engines while the DSO is at work: killed, stopped in the middle, diverging, numbers that make no sense,
 * a model that cannot be. The answer is a clear refusal in time, the interval falls back to zero, and the service lives.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { proportional } from './feasibility/proportional.ts';
import { bareFeeder } from './feeder/bare-feeder.ts';
import { loadFeeder } from './feeder/load-feeder.ts';
import { openPowerFlow, openSearchFlow } from './feeder/open-feeder.ts';
import type { PowerFlow } from './power-flow/power-flow.ts';
import { type DsoOptions, DsoService } from './service.ts';
import { MemoryGateway } from './testing/memory-gateway.ts';

const feeder = loadFeeder(fileURLToPath(new URL('../feeders/ieee13/feeder.yaml', import.meta.url)));
const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
const search = await openSearchFlow(feeder, silentLogger());
const QUARTERS = ['12:00', '12:15', '12:30', '12:45'].map((time) => `2026-06-21T${time}Z`);

test.after.always(async () => {
  await search?.close();
  await powerFlow.close();
});

async function decided(gateway: MemoryGateway, intervalId: string) {
  const bids = Object.fromEntries(feeder.ders.map(({ derId, nameplate_W }) => [derId, nameplate_W]));
  gateway.submit(intervalId, 'dera-1', bids);
  await gateway.announced('IntervalDecided', intervalId);
  const certificate = gateway.intervals.get(intervalId)?.decision;
  if (certificate == null) throw new RangeError(`${intervalId} is not decided`);
  return certificate;
}

function started(gateway: MemoryGateway, options: Partial<DsoOptions> = {}): DsoService {
  const fixed = {
    gateway,
    feeder,
    powerFlow,
    search,
    interval_min: 15,
    policy: proportional,
    log: silentLogger(),
  };
  const service = new DsoService({ ...fixed, deraIds: ['dera-1'], ...options });
  service.start();
  return service;
}

test.serial('killed: it is started again, and the interval is decided as if nothing had been', async (t) => {
  const gateway = new MemoryGateway();
  const service = started(gateway);
  const before = await decided(gateway, QUARTERS[0]!);
  t.is(before.outcome, 'CURTAILED');
  t.regex(before.engine, /^gridlabd .* and OpenDSS/);
  process.kill(powerFlow.pid!, 'SIGKILL');
  process.kill(search!.pid!, 'SIGKILL');
  t.is((await decided(gateway, QUARTERS[1]!)).outcome, 'CURTAILED');
  await service.stop();
});

test.serial(
  'stopped: nothing is approved within the deadline, and the next interval is decided again',
  async (t) => {
    const gateway = new MemoryGateway();
    const service = started(gateway, { decisionDeadline_ms: 1500 });
    const pid = powerFlow.pid!;
    process.kill(pid, 'SIGSTOP');
    const certificate = await decided(gateway, QUARTERS[0]!);
    t.is(certificate.outcome, 'ENGINE_UNAVAILABLE');
    t.regex(certificate.note, /nothing could be checked, so nothing is approved: .*1500 ms/);
    t.is(gateway.quantityOf(QUARTERS[0]!, 'pv-680'), 0);
    process.kill(pid, 'SIGKILL');
    await service.stop();
    const again = started(gateway);
    t.is((await decided(gateway, QUARTERS[1]!)).outcome, 'CURTAILED');
    await again.stop();
  },
);

test.serial('the engine that searches is lost: GridLAB-D decides the same alone', async (t) => {
  const [both, alone] = [new MemoryGateway(), new MemoryGateway()];
  const first = started(both);
  const together = await decided(both, QUARTERS[2]!);
  await first.stop();
  const lost = await openSearchFlow(feeder, silentLogger());
  await lost?.close();
  const second = started(alone, { search: lost });
  const single = await decided(alone, QUARTERS[2]!);
  await second.stop();
  t.is(single.outcome, 'CURTAILED');
  t.true(Math.abs(single.alpha_ppm - together.alpha_ppm) <= 200);
  t.true(single.solves > together.solves);
});

test.serial('diverging and NaN: a case without a solution approves nothing', async (t) => {
  for (const max_pu of [Number.NaN, undefined]) {
    const mad: PowerFlow = {
      description: powerFlow.description,
      solve: (one) => powerFlow.solve(one),
      solveMany: async (cases) =>
        max_pu === undefined
          ? cases.map(() => ({ failure: 'DIVERGED' as const, reason: 'made to' }))
          : (await powerFlow.solveMany(cases)).map((result) => ({ ...result, max_pu })),
      close: async () => undefined,
    };
    const gateway = new MemoryGateway();
    const service = started(gateway, { powerFlow: mad, search: undefined });
    const { outcome, note } = await decided(gateway, QUARTERS[0]!);
    await service.stop();
    t.true(['INFEASIBLE_AT_ZERO', 'ENGINE_UNAVAILABLE'].includes(outcome), note);
    t.is(gateway.quantityOf(QUARTERS[0]!, 'pv-680'), 0);
  }
});

test.serial('an island and a malformed model are refused before anything is decided', async (t) => {
  const model = fileURLToPath(new URL('../feeders/ieee13-original/ieee13.glm', import.meta.url));
  const text = readFileSync(model, 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-faults-'));
  for (const [name, glm, code, message] of [
    [
      'island.glm',
      text.replace('status CLOSED;', 'status OPEN;'),
      'ISLANDED_NODE',
      /no closed link connects l675/,
    ],
    ['broken.glm', text.replace('object node {', 'object nod {'), 'FEEDER_REJECTED', /broken\.glm/],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, glm);
    const limits = { low_pu: 0.95, high_pu: 1.05 };
    await t.throwsAsync(openPowerFlow(bareFeeder(file, limits), silentLogger(), true), { code, message });
  }
  rmSync(folder, { recursive: true });
});
