/**
 * What a market day costs a device's registers: 96 intervals, each with another award, renewals included. Counted by
 * the twin. By hand: with the default revert time of two intervals the next award is the renewal, so that each of 96
 * awards is written once, and released once at the end.
 */
import { defaultRevert_s } from '@fieldbid/edge-agent/agent/device-setup';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test from 'ava';
import { type Lab, type LabOptions, runLab, scheduleOf } from '../testing/agent-lab.ts';

const INTERVALS = 96;
/** What a market day may cost a device. */
const MOST_A_DAY = 200;
const REVERT_S = defaultRevert_s({ interval_min: 15 });

function day(options: LabOptions): Promise<Lab> {
  const schedule = scheduleOf(INTERVALS);
  return runLab(
    schedule.map((moment, i) => [
      moment.award_ms,
      async (lab) => void (await lab.award(moment, 1000 + 20 * (i % 2 === 0 ? i : INTERVALS - i))),
    ]),
    { intervals: INTERVALS, ...options, setup: { revert_s: REVERT_S, ...options.setup } },
  );
}

const most = ({ inverter }: Lab): number => Math.max(...inverter.writes.values());

test('function 16: a request an interval, and the release', async (t) => {
  const lab = await day({});
  t.is(lab.inverter.writeTransactions, INTERVALS + 1);
  t.is(lab.inverter.writes.get('123.WMaxLimPct'), INTERVALS);
  t.is(most(lab), INTERVALS + 1);
  t.is(lab.verdicts.filter(({ verdict }) => verdict === 'verified').length, INTERVALS);
});

test('function 16 with a short revert time: each award is renewed once, 10 minutes after its start', async (t) => {
  const lab = await day({ setup: { revert_s: 1200 } });
  t.is(lab.inverter.writeTransactions, 2 * INTERVALS + 1);
  t.true(most(lab) <= MOST_A_DAY, `${most(lab)} writes`);
});

test('function 6, one register at a time: two requests an interval, its timer once', async (t) => {
  const lab = await day({ family: 'enphase' });
  t.is(lab.inverter.writes.get('123.WMaxLimPct'), INTERVALS);
  t.is(lab.inverter.writes.get('123.WMaxLimPct_RvrtTms'), 1);
  t.true(lab.inverter.writeTransactions <= MOST_A_DAY, `${lab.inverter.writeTransactions} writes`);
});

test('SolarEdge: the dynamic limit alone, and nothing that is kept in flash', async (t) => {
  const { flash } = loadProfile('solaredge').wear;
  t.true(flash.length > 0);
  const lab = await day({ family: 'solaredge', prepare: true });
  t.deepEqual([...lab.inverter.writes], [['limit', INTERVALS + 1]]);
  t.is(lab.inverter.writeTransactions, INTERVALS + 1);
});
