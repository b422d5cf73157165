/** Limits in registers, by hand arithmetic and by property, for SunSpec 123 and 704 and a float of a family's own. */
import test from 'ava';
import fc from 'fast-check';
import { bindModels } from '../sunspec/bind.ts';
import { encodeRaw } from '../sunspec/codec.ts';
import { modelDefinition } from '../sunspec/models.ts';
import type { FoundModel } from '../sunspec/scan.ts';
import { boundControl } from './bind-map.ts';
import { type ControlBinding, type LimitPlan, limitState, planLimit, planRelease } from './control.ts';
import { RegisterImage } from './image.ts';
import { runsOf } from './writer.ts';

const MODEL_103: FoundModel = { id: 103, address: 1000, length: 50 };
const LENGTHS: Record<number, number> = { 121: 30, 123: 24, 702: 50, 704: 65 };

/** A model's registers: what is given, everything else not implemented. */
function words(model: FoundModel, values: Record<string, number>): number[] {
  const all = Array.from({ length: model.length + 2 }, () => 0xffff);
  for (const point of modelDefinition(model.id)?.points ?? []) {
    const own = encodeRaw(point, values[point.name] ?? (point.name === 'ID' ? model.id : null));
    for (const [i, word] of own.entries()) all[point.offset + i] = word;
  }
  return all;
}

/** A device with a rating and a control model. */
function device(
  rating: [id: number, values: Record<string, number>],
  control: [id: number, values: Record<string, number>],
) {
  const models = [MODEL_103];
  const reads = [{ table: 'holding' as const, address: 1000, words: words(MODEL_103, {}), readAt_ms: 0 }];
  let address = 2000;
  for (const [id, values] of [rating, control]) {
    const model = { id, address, length: LENGTHS[id] ?? 0 };
    models.push(model);
    reads.push({ table: 'holding', address, words: words(model, values), readAt_ms: 0 });
    address += 1000;
  }
  const scan = { base: 0, models, commons: [], complete: true, fault: undefined, blocks: [] };
  const binding = bindModels(scan, { control: 'auto', revertTo: { limit_pct: null }, acType: null });
  return { binding, control: binding.control as ControlBinding, image: new RegisterImage(reads) };
}

const by123 = (more: Record<string, number> = {}) =>
  device(
    [121, { WMax: 5000, WMax_SF: 0 }],
    [
      123,
      {
        WMaxLimPct: 10_000,
        WMaxLim_Ena: 0,
        WMaxLimPct_SF: -2,
        WMaxLimPct_WinTms: 0,
        WMaxLimPct_RvrtTms: 0,
        WMaxLimPct_RmpTms: 0,
        ...more,
      },
    ],
  );
const by704 = () =>
  device(
    [702, { WMax: 500, W_SF: 1 }],
    [
      704,
      {
        WMaxLimPctEna: 0,
        WMaxLimPct: 1000,
        WMaxLimPctRvrt: 1000,
        WMaxLimPctEnaRvrt: 0,
        WMaxLimPctRvrtTms: 0,
        WMaxLimPct_SF: -1,
      },
    ],
  );
const request = { limit_W: 4700, base_W: 5000, floor_pct: 0, revert_s: 1200 };

function planned(made: ReturnType<typeof by123>, more: Partial<typeof request> = {}): LimitPlan {
  const plan = planLimit(made.control, made.image, { ...request, ...more });
  if ('outcome' in plan) throw new RangeError(plan.reason);
  return plan;
}

test('123: 4,700 W of 5,000 W are 94.00 %, five registers in one request', (t) => {
  const made = by123();
  t.is(made.image.first(made.binding.rating_W), 5000);
  const plan = planned(made);
  t.like(plan, { commanded_pct: 94, step_pct: 0.01, raisedToFloor: false });
  // Model 123 from 3000: WMaxLimPct is register 5, then WinTms, RvrtTms, RmpTms, Ena.
  t.like(runsOf(plan.writes), [{ address: 3005, words: [9400, 0, 1200, 0, 1] }]);
});

test('704: the reversion time is 32 bits wide, and nothing else than the limit is touched', (t) => {
  const plan = planned(by704(), { revert_s: 100_000 });
  t.is(plan.commanded_pct, 94);
  // Model 704 from 3000: WMaxLimPctEna 14, WMaxLimPct 15, Rvrt 16, EnaRvrt 17, RvrtTms 18-19 (100000 = 0x186A0).
  t.like(runsOf(plan.writes), [{ address: 3014, words: [1, 940, 1000, 0, 0x0001, 0x86a0] }]);
});

test('points that are not implemented are not written; what puts the limit into force comes last', (t) => {
  const made = device(
    [121, { WMax: 5000, WMax_SF: 0 }],
    [123, { WMaxLimPct: 10_000, WMaxLim_Ena: 0, WMaxLimPct_SF: -2 }],
  );
  const plan = planned(made);
  t.deepEqual(
    plan.writes.map(({ point }) => point.name),
    ['123.WMaxLimPct', '123.WMaxLim_Ena'],
  );
  t.like(runsOf(plan.writes), [
    { address: 3005, words: [9400] },
    { address: 3009, words: [1] },
  ]);
  t.like(limitState(made.control, made.image), { pct: 100, enabled: false, revert_s: null });
});

test("a fraction of a step is cut, the profile's floor holds up and says so", (t) => {
  t.is(
    planned(by123({ WMaxLimPct_SF: 0, WMaxLimPct: 100 }), { limit_W: 3333, base_W: 10_000 }).commanded_pct,
    33,
  );
  t.like(planned(by123(), { limit_W: 0, floor_pct: 2 }), { commanded_pct: 2, raisedToFloor: true });
  t.like(planned(by123(), { limit_W: 0 }), { commanded_pct: 0, raisedToFloor: false });
});

test('without a scale factor nothing is written, and no limit is said', (t) => {
  const { control, image } = device(
    [121, { WMax: 5000, WMax_SF: 0 }],
    [123, { WMaxLimPct: 10_000, WMaxLim_Ena: 1 }],
  );
  t.like(planLimit(control, image, request), { outcome: 'refused', code: 'NO_RATING' });
  t.is(limitState(control, image), null);
});

test('released: the enabling register alone', (t) => {
  const { control, image } = by123({ WMaxLim_Ena: 1, WMaxLimPct: 2000 });
  const writes = planRelease(control, image);
  t.like('outcome' in writes ? [] : runsOf(writes), [{ address: 3009, words: [0] }]);
  t.like(limitState(control, image), { pct: 20, enabled: true, revert_s: 0 });
});

test('never above the limit nor 100 %, and less than a step below the smaller of both', (t) => {
  const any = fc.record({
    limit_W: fc.integer({ min: 0, max: 400_000 }),
    base_W: fc.integer({ min: 1, max: 300_000 }),
    exponent: fc.integer({ min: -2, max: 0 }),
  });
  fc.assert(
    fc.property(any, ({ limit_W, base_W, exponent }) => {
      const { commanded_pct, step_pct } = planned(by123({ WMaxLimPct_SF: exponent, WMaxLimPct: 0 }), {
        limit_W,
        base_W,
      });
      const commanded_W = (commanded_pct / 100) * base_W;
      t.true(commanded_pct <= 100);
      t.true(commanded_W <= limit_W * (1 + 1e-9));
      t.true(commanded_W > Math.min(limit_W, base_W) - (step_pct / 100) * base_W * (1 + 1e-6));
    }),
    { numRuns: 500 },
  );
});

test('a float of a family’s own, low word first: never above what was asked, as the device reads it', (t) => {
  const made = by123();
  const point = { register: 62_242, table: 'holding', type: 'float32', sf: 0, wordSwap: true } as const;
  const control = boundControl(
    { limit: point, unit: 'pct', step: 0.1, companions: [] },
    made.binding.rating_W,
    'own',
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6000 }), (limit_W) => {
      const plan = planLimit(control, made.image, { ...request, limit_W });
      if ('outcome' in plan) throw new RangeError(plan.reason);
      const [low = 0, high = 0] = plan.writes[0]?.words ?? [];
      const view = new DataView(new ArrayBuffer(4));
      view.setUint16(0, high);
      view.setUint16(2, low);
      t.true((view.getFloat32(0) / 100) * 5000 <= Math.min(5000, limit_W) * (1 + 1e-9));
    }),
    { numRuns: 500 },
  );
});
