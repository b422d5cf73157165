/** A battery as a market device: what it bids, and that a set point is to be delivered, not only kept to. */
import test from 'ava';
import { FIRST, type LabOptions, runLab } from '../testing/agent-lab.ts';

const STORAGE: LabOptions = { family: 'generic-storage' };
const told = (allocation_W: number) =>
  runLab([[FIRST.award_ms, async (lab) => void (await lab.award(FIRST, allocation_W))]], STORAGE);

test('told 3 kW it delivers 3 kW: verified, and the set point is what holds it there', async (t) => {
  const { verdicts } = await told(3000);
  t.is(verdicts.length, 1);
  t.like(verdicts[0], { verdict: 'verified', measured_W: 3000, binding: true, commanded_pct: 60 });
});

test('told more than it can deliver: unproven, with what it delivers, and not refused: it keeps below', async (t) => {
  const { verdicts } = await told(4800);
  t.is(verdicts.length, 1);
  t.like(verdicts[0], { verdict: 'unproven', measured_W: 4000, commanded_pct: 96 });
  t.regex(verdicts[0]?.reason ?? '', /told to deliver 4800 W, delivers 4000 W/);
});

test('it bids what it holds above the reserve of its owner', async (t) => {
  const { bids } = await runLab([], { ...STORAGE, setup: { reserve_pct: 75 } });
  // 8,000 of 10,000 Wh less a minute of 4,000 W are 7,933 Wh in its register; 433 Wh above 75 % are 1,732 W for 15 min.
  t.like(bids[0], { quantity_W: 1732, state: { source: 'storage', available_W: 1732 } });
});
