/**
 * Eight ways in which real devices and gateways misbehave, each met by the agent: every command ends with the
 * verdict that its measured power deserves. What is right is told by the true power at the twin's terminals.
 */
import test from 'ava';
import { FIRST, type LabOptions, runLab, SECOND, second } from '../testing/agent-lab.ts';

/** 4,000 W of sun on a 5,000 W device, told to deliver 1,000 W for an interval. */
async function told(options: LabOptions, allocation_W = 1000) {
  const powers: number[] = [];
  const lab = await runLab(
    [
      [FIRST.award_ms, async (l) => void (await l.award(FIRST, allocation_W))],
      [second(FIRST, 100), (l) => void powers.push(Math.round(l.power_W()))],
      [second(SECOND, 300), (l) => void powers.push(Math.round(l.power_W()))],
    ],
    options,
  );
  const [verdict] = lab.verdicts;
  if (verdict === undefined) throw new RangeError('no verdict');
  return { lab, verdict, during_W: powers[0], after_W: powers[1] };
}

test('1 echoes the limit and ignores it: refused', async (t) => {
  const { verdict } = await (async () => {
    const powers: number[] = [];
    const lab = await runLab([
      [
        FIRST.award_ms,
        async (l) => {
          l.inverter.faults.ignoreLimit = true;
          await l.award(FIRST, 1000);
        },
      ],
      [second(FIRST, 100), (l) => void powers.push(l.power_W())],
    ]);
    t.deepEqual(powers, [4000]);
    return { verdict: lab.verdicts[0]! };
  })();
  t.like(verdict, { verdict: 'refused', readBack_pct: 20, measured_W: 4000 });
});

test('2 reads back 0 and disconnected, and obeys: verified, and the echo is named', async (t) => {
  const { verdict, during_W } = await told({ quirks: { readsBackZero: true } });
  t.is(during_W, 1000);
  t.like(verdict, { verdict: 'verified', readBack_pct: 0, measured_W: 1000, binding: true });
  t.regex(verdict.reason, /although it reads back 0 %/);
});

test('2b reads back 0, and the sun is below the limit: unproven, not verified by an echo that is wrong anyway', async (t) => {
  const { verdict, during_W } = await told({ quirks: { readsBackZero: true } }, 4500);
  t.is(during_W, 4000);
  t.like(verdict, { verdict: 'unproven', measured_W: null });
});

test('3 refuses function 6: written by 16, verified', async (t) => {
  const { verdict, during_W } = await told({ quirks: { refusesWriteSingle: true } });
  t.is(during_W, 1000);
  t.like(verdict, { verdict: 'verified', measured_W: 1000 });
});

test('4 refuses function 16: written by 6, verified', async (t) => {
  const { verdict, during_W, after_W } = await told({ quirks: { refusesWriteMultiple: true } });
  t.is(during_W, 1000);
  t.is(after_W, 4000);
  t.like(verdict, { verdict: 'verified', measured_W: 1000 });
});

test('5 the enabling register stays off: refused, by the power', async (t) => {
  const { verdict, during_W } = await told({ quirks: { enableStuck: true } });
  t.is(during_W, 4000);
  t.like(verdict, { verdict: 'refused', measured_W: 4000 });
});

test('5b the enabling register stays off, and the sun is below the limit: unproven', async (t) => {
  const { verdict } = await told({ quirks: { enableStuck: true } }, 4500);
  t.like(verdict, { verdict: 'unproven' });
  t.regex(verdict.reason, /not enabled/);
});

test('6 scale factors move between polls: each value under its own, verified', async (t) => {
  const { lab, verdict, during_W } = await told({ quirks: { movingScales: true } });
  t.is(during_W, 1000);
  t.like(verdict, { verdict: 'verified', measured_W: 1000, commanded_pct: 20 });
  // 4,000 W and 1,000 W are exact under both factors: anything else was decoded with the wrong one.
  t.deepEqual([...new Set(lab.measurements.map(({ power_W }) => power_W))].sort(), [1000, 4000]);
});

test('7 goes to standby at 0 %: held at the floor of its profile, verified, and back at once', async (t) => {
  const { verdict, during_W, after_W } = await told({ family: 'fimer' }, 0);
  t.is(during_W, 50); // 1 % of 5,000 W
  t.is(after_W, 4000);
  t.like(verdict, { verdict: 'verified', commanded_pct: 1, measured_W: 50 });
  t.regex(verdict.reason, /floor/);
});

test('7b the same without a floor: standby is less than 0 W allocated, verified; the restart is its owner’s loss', async (t) => {
  const { verdict, during_W } = await told(
    { family: 'fimer', profile: (p) => ({ ...p, limit: { ...p.limit, floor_pct: 0 } }) },
    0,
  );
  t.is(during_W, 0);
  t.like(verdict, { verdict: 'verified', commanded_pct: 0, measured_W: 0 });
});

for (const fault of ['wrongTransactionId', 'wrongUnit'] as const) {
  test(`8 every answer has a wrong ${fault === 'wrongUnit' ? 'unit' : 'transaction id'}: unproven, nothing believed`, async (t) => {
    const from = new Date(FIRST.award_ms - 30_000).toISOString().slice(0, 16);
    const { lab, verdict, during_W } = await told({
      deadline_ms: 60,
      faults: [{ fault, from: `${from}Z` }],
    });
    // The request did reach the device: it may obey, but nothing that came back can be counted on.
    t.true([1000, 4000].includes(during_W ?? 0));
    t.is(verdict.verdict, 'unproven');
    const later = lab.measurements.filter(({ readAt_ms }) => readAt_ms >= FIRST.award_ms);
    t.deepEqual(later, []);
  });
}

test('8b a gateway that answers with its own transaction ids, known by its profile: verified', async (t) => {
  const { verdict, during_W } = await told({
    faults: [{ fault: 'wrongTransactionId' }],
    profile: (p) => ({ ...p, modbus: { ...p.modbus, anyTransactionId: true } }),
  });
  t.is(during_W, 1000);
  t.like(verdict, { verdict: 'verified', measured_W: 1000 });
});
