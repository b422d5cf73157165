/** The edge agent's cycle: bids, commands, verdicts, faults, against a simulated inverter over a real socket. */
import { bidUid } from '@fieldbid/core/digest';
import type { Moments } from '@fieldbid/core/market/calendar';
import type { Award } from '@fieldbid/core/market/messages';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import test from 'ava';
import {
  FIRST,
  type Lab,
  RATING_W,
  runLab as run,
  type Script,
  SECOND,
  second,
} from '../testing/agent-lab.ts';

test('one interval: bid by eq. 1, limit at the start, proved when power has settled, released at the end', async (t) => {
  const powers: number[] = [];
  const note: (lab: Lab) => void = (lab) => void powers.push(Math.round(lab.power_W()));
  const lab = await run([
    [FIRST.award_ms, async (lab) => void t.deepEqual(await lab.award(FIRST, 3000), { accepted: true })],
    [second(FIRST, -1), note],
    [second(FIRST, 30), note],
    [second(SECOND, -1), note],
    [second(SECOND, 30), note],
  ]);
  t.deepEqual(
    lab.bids.map(({ intervalId }) => intervalId),
    [FIRST.interval.id, SECOND.interval.id],
  );
  // 30 $/MWh · (1 + 10/100); 4000 W measured and carried forward.
  t.like(lab.bids[0], { price_uUSD_per_MWh: 33_000_000, quantity_W: 4000, submittedAt_ms: FIRST.bid_ms });
  t.like(lab.bids[0]?.state, { source: 'measured', measured_W: 4000, rating_W: 5000 });
  t.true((lab.bids[1]?.sequence ?? 0) > (lab.bids[0]?.sequence ?? 0));
  // At 12:05 the device is limited: what it could deliver is known from WAval.
  t.like(lab.bids[1]?.state, { source: 'WAval', measured_W: 3000, available_W: 4000, limit_pct: 60 });
  t.deepEqual(powers, [4000, 3000, 3000, 4000]);
  t.is(lab.verdicts.length, 1);
  t.like(lab.verdicts[0], {
    verdict: 'verified',
    intervalId: FIRST.interval.id,
    correlationId: lab.bids[0]?.uid ?? '',
    allocation_W: 3000,
    commanded_pct: 60,
    readBack_pct: 60,
    measured_W: 3000,
    binding: true,
    decidedAt_ms: second(FIRST, 10),
  });
  t.true((lab.verdicts[0]?.write_ms ?? 0) > 0);
  // Written at 12:00, renewed at half the revert time (12:10), released at 12:15.
  t.is(lab.inverter.writeTransactions, 3);
  t.is(lab.inverter.writes.get('123.WMaxLimPct'), 2);
});

test('every minute has its measurement', async (t) => {
  const lab = await run([]);
  const minutes = lab.measurements.map(({ readAt_ms }) => (readAt_ms - FIRST.bid_ms) / 60_000);
  t.deepEqual(
    minutes,
    Array.from({ length: 41 }, (_, i) => i),
  );
  t.like(lab.measurements[0], { power_W: 4000, available_W: 4000, limit_pct: null, voltages_V: [240] });
  t.is(lab.inverter.writeTransactions, 0); // no award, nothing configured: left as it was found
});

test('a limit above what the sun gives is verified, and not binding', async (t) => {
  const lab = await run([[FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 4800))]]);
  t.like(lab.verdicts[0], { verdict: 'verified', binding: false, measured_W: 4000, commanded_pct: 96 });
});

test('a device that echoes and ignores is refused at the deadline, with what it delivers', async (t) => {
  const lab = await run([
    [
      FIRST.award_ms,
      async (lab) => {
        lab.inverter.faults.ignoreLimit = true;
        await lab.award(FIRST, 1000);
      },
    ],
  ]);
  t.is(lab.verdicts.length, 1);
  t.like(lab.verdicts[0], { verdict: 'refused', readBack_pct: 20, measured_W: 4000 });
  t.is(lab.verdicts[0]?.decidedAt_ms, second(FIRST, 90));
  t.regex(lab.verdicts[0]?.reason ?? '', /reads back 20 % but delivers 4000 W/);
});

test('a frozen device says yes and changes nothing: refused by its power', async (t) => {
  const lab = await run([
    [
      FIRST.award_ms,
      async (lab) => {
        lab.inverter.faults.frozen = true;
        await lab.award(FIRST, 1000);
      },
    ],
  ]);
  t.like(lab.verdicts[0], { verdict: 'refused', commanded_pct: 20, readBack_pct: 100, measured_W: 4000 });
});

test('a device that answers with an exception: refused, with its reason', async (t) => {
  const lab = await run([[FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 1000))]], {
    quirks: { noRevertTimer: true },
  });
  t.like(lab.verdicts[0], { verdict: 'refused', commanded_pct: null, measured_W: null });
  t.regex(lab.verdicts[0]?.reason ?? '', /no revert timer/);
});

test('a device that is off: unproven, because nothing could be written; and it is held when it is back', async (t) => {
  const powers: number[] = [];
  const lab = await run([
    [FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 1000))],
    [second(FIRST, -30), (lab) => lab.setOffline(true)],
    [second(FIRST, 300), (lab) => lab.setOffline(false)],
    [second(FIRST, 600), (lab) => void powers.push(lab.power_W())],
  ]);
  t.is(lab.verdicts.length, 1);
  t.like(lab.verdicts[0], { verdict: 'unproven', commanded_pct: null, measured_W: null, write_ms: null });
  t.regex(lab.verdicts[0]?.reason ?? '', /could not be written/);
  t.is(lab.verdicts[0]?.decidedAt_ms, second(FIRST, 90));
  t.deepEqual(powers, [1000]);
});

test('a device that falls silent after the write: unproven, no measurement', async (t) => {
  const lab = await run([
    [FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 1000))],
    [second(FIRST, 5), (lab) => lab.setOffline(true)],
  ]);
  t.like(lab.verdicts[0], { verdict: 'unproven', commanded_pct: 20, readBack_pct: 20, measured_W: null });
  t.regex(lab.verdicts[0]?.reason ?? '', /no measurement since/);
});

test('a late award is applied at the next cycle, and held to the end of its interval', async (t) => {
  const powers: number[] = [];
  const lab = await run([
    [second(FIRST, 130), async (lab) => void t.true((await lab.award(FIRST, 2000)).accepted)],
    [second(FIRST, 200), (lab) => void powers.push(lab.power_W())],
    [second(SECOND, 30), (lab) => void powers.push(lab.power_W())],
  ]);
  t.deepEqual(powers, [2000, 4000]);
  t.like(lab.verdicts[0], { verdict: 'verified', decidedAt_ms: second(FIRST, 190) });
});

test('awards that cannot be are refused with code and sentence, and nothing is written', async (t) => {
  const answers: (string | undefined)[] = [];
  const ask = async (lab: Lab, moment: Moments, watts: number, more: Partial<Award> = {}) => {
    const { accepted, code, reason } = await lab.award(moment, watts, more);
    t.false(accepted);
    t.truthy(reason);
    answers.push(code);
  };
  const lab = await run([
    [
      second(SECOND, 10),
      async (lab) => {
        await ask(lab, FIRST, 1000); // over
        await ask(lab, SECOND, RATING_W + 1);
        await ask(lab, SECOND, 1000, { derId: 'pv-2' });
        await ask(lab, SECOND, 1000, { end_ms: SECOND.interval.end_ms + 60_000 });
        await ask(lab, SECOND, 1000, { intervalId: '2026-06-21T13:00Z' });
        await ask(lab, SECOND, 1000, { bidUid: bidUid('pv-1', FIRST.interval.id, 'energy') });
        await ask(lab, SECOND, -1);
        await ask(lab, SECOND, 1000.5);
      },
    ],
  ]);
  t.deepEqual(answers, [
    ...['EXPIRED', 'OVER_RATING', 'WRONG_DER', 'WRONG_TIMES', 'UNKNOWN_INTERVAL', 'WRONG_BID'],
    ...['MALFORMED', 'MALFORMED'],
  ]);
  t.is(lab.inverter.writeTransactions, 0);
  t.is(lab.verdicts.length, 0);
});

test('the same award twice is one command; another one for the interval replaces it', async (t) => {
  const lab = await run([
    [
      FIRST.award_ms,
      async (lab) => {
        t.true((await lab.award(FIRST, 3000)).accepted);
        t.true((await lab.award(FIRST, 3000)).accepted);
      },
    ],
    [second(FIRST, 100), async (lab) => void (await lab.award(FIRST, 2000))],
  ]);
  t.deepEqual(
    lab.verdicts.map(({ allocation_W, verdict }) => `${allocation_W} ${verdict}`),
    ['3000 verified', '2000 verified'],
  );
});

test('without an award and so configured: zero from the first interval on, released at the end of the market', async (t) => {
  const powers: number[] = [];
  const lab = await run(
    [
      [second(FIRST, -1), (lab) => void powers.push(lab.power_W())],
      [second(FIRST, 30), (lab) => void powers.push(lab.power_W())],
    ],
    { setup: { withoutAward: 'zero' } },
  );
  t.deepEqual(powers, [4000, 0]);
  t.deepEqual(
    lab.verdicts.map(({ verdict, allocation_W }) => `${verdict} ${allocation_W}`),
    ['verified 0', 'verified 0'],
  );
  t.is(lab.inverter.limitInForce_pct(), null);
});

test("the owner's default limit holds outside of awards", async (t) => {
  const powers: number[] = [];
  await run(
    [
      [FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 500))],
      [second(FIRST, 30), (lab) => void powers.push(lab.power_W())],
      [second(SECOND, 30), (lab) => void powers.push(lab.power_W())],
    ],
    { setup: { defaultLimit_W: 2500 } },
  );
  t.deepEqual(powers, [500, 2500]);
});

test('a limit that the device has lost inside the interval is written again', async (t) => {
  const powers: number[] = [];
  await run([
    [FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 1000))],
    [
      second(FIRST, 200),
      async (lab) => {
        // Somebody else at the device's own panel.
        const { device } = openDevice({
          endpoint: `tcp://127.0.0.1:${lab.inverter.port}?unit=1`,
          now: lab.now,
        });
        await device.release();
        await device.close();
      },
    ],
    [second(FIRST, 300), (lab) => void powers.push(lab.power_W())],
  ]);
  t.deepEqual(powers, [1000]);
});

test('a bid without a receipt is sent again while the gate is open, under a higher number', async (t) => {
  let calls = 0;
  const lab = await run([], {
    receipts: (bid) => {
      if (++calls === 1) throw new TypeError('the DERA stumbles');
      return calls === 2
        ? { uid: bid.uid, accepted: false, code: 'DUPLICATE', reason: 'it is there' }
        : { uid: bid.uid, accepted: true };
    },
  });
  t.deepEqual(
    lab.bids.map(({ intervalId, submittedAt_ms }) => [intervalId, submittedAt_ms]),
    [
      [FIRST.interval.id, FIRST.bid_ms],
      [FIRST.interval.id, FIRST.bid_ms + 60_000],
      [SECOND.interval.id, SECOND.bid_ms],
    ],
  );
  t.true((lab.bids[1]?.sequence ?? 0) > (lab.bids[0]?.sequence ?? 0));
  t.is(lab.bids[1]?.uid, lab.bids[0]?.uid);
});

test('two runs of the same day say the same, real times apart', async (t) => {
  const day: Script = [
    [FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 2750))],
    [SECOND.award_ms, async (lab) => void (await lab.award(SECOND, 0))],
  ];
  const [a, b] = [await run(day), await run(day)];
  const told = ({ bids, verdicts, measurements }: Lab) =>
    JSON.stringify([bids, verdicts.map((verdict) => ({ ...verdict, write_ms: 0 })), measurements]);
  t.is(told(a), told(b));
  t.is(a.verdicts.length, 2);
});

test('a device that reads back 0 % bids by its power, and by the limit that it was given', async (t) => {
  const lab = await run([[FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 4800))]], {
    family: 'sma',
    profile: (profile) => ({ ...profile, watchdog_s: 600 }),
  });
  t.deepEqual(
    lab.bids.map(({ quantity_W }) => quantity_W),
    [4000, 4000],
  );
  t.like(lab.bids[0]?.state, { source: 'measured', limit_pct: null });
  // Not binding: 96 % were written, 80 % are delivered.
  t.like(lab.bids[1]?.state, { source: 'measured', limit_pct: 96 });
  // Nothing but the read-back could tell, and that contradicts.
  t.like(lab.verdicts[0], { verdict: 'unproven' });
});

test('a device that does not keep to its limit bids what it delivers, whatever it reads back', async (t) => {
  const lab = await run([[FIRST.award_ms, async (lab) => void (await lab.award(FIRST, 1000))]], {
    quirks: { noAvailablePower: true },
    onOpened: ({ inverter }) => {
      inverter.faults.ignoreLimit = true;
    },
  });
  // It reads back the 20 % that were written, and delivers 80 %.
  t.like(lab.bids[1], { quantity_W: 4000 });
  t.like(lab.bids[1]?.state, { source: 'measured', measured_W: 4000, limit_pct: null });
});
