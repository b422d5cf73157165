/** A cycle that hangs is seen from outside: it is what the service's watchdog goes by. */
import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { silentLogger } from '@fieldbid/core/logging';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import test from 'ava';
import type { DerDevice, DerReading } from '../device/der-device.ts';
import { EdgeAgent } from './agent.ts';

const READING: DerReading = {
  ...{
    readAt_ms: 0,
    power_W: 0,
    available_W: 0,
    rating_W: 5000,
    limit: null,
    connected: true,
    state: 'mppt',
  },
  ...{ voltages_V: [], energy_Wh: 0, raw: [] },
};

test('the running time of a cycle grows while its device neither answers nor fails, and is 0 between cycles', async (t) => {
  let answer: (reading: DerReading) => void = () => {};
  let asked: () => void = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let reads = 0;
  const device: DerDevice = {
    identity: () => Promise.reject(new RangeError('not asked')),
    read: () => {
      asked();
      return ++reads > 1
        ? Promise.resolve(READING)
        : new Promise((resolve) => {
            answer = resolve;
          });
    },
    applyLimit: () => Promise.reject(new RangeError('not asked')),
    release: () => Promise.reject(new RangeError('not asked')),
    close: async () => {},
  };
  const cycles: number[] = [];
  let over: () => void = () => {};
  const oneIsOver = new Promise<void>((resolve) => {
    over = resolve;
  });
  const now = new Date(Math.ceil(Date.now() / 60_000) * 60_000 + 600_000);
  const calendar = { start: `${now.toISOString().slice(0, 16)}Z`, intervals: 1, interval_min: 15 };
  const agent = new EdgeAgent({
    ...{ agentId: 'roof-7', deraId: 'dera-1', bus: new LocalExchange().connect(), log: silentLogger() },
    calendar: { ...calendar, bid_min: 30, gateClosure_min: 16, clearing_min: 5, award_min: 4 },
    timeFor: () => new WallClock(),
    forecast: { at: () => undefined },
    devices: [
      {
        ...{ derId: 'pv-7', deviceIds: ['inv-7'], device, riskFactor_pct: 0, revert_s: 600 },
        rules: { settle_ms: 0, deadline_ms: 60_000, tolerance_pct: 1 },
        ...{ withoutAward: 'default', defaultLimit_W: null },
      },
    ],
    cycle_ms: 3_600_000,
    observer: {
      onCycle: (_derId, { duration_ms }) => {
        cycles.push(duration_ms);
        over();
      },
      onVerdict: () => {},
    },
  });
  await agent.start();
  await isAsked;
  const early_ms = agent.longestRunning_ms;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.true(agent.longestRunning_ms > early_ms);
  t.deepEqual(cycles, []);
  answer(READING);
  await oneIsOver;
  t.is(cycles.length, 1);
  t.is(agent.longestRunning_ms, 0);
  await agent.stop();
});
