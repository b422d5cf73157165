/** The DerDevice suite: the SunSpec driver against the simulated inverter, over real sockets. */
import { derDeviceConformance } from '@fieldbid/edge-agent/device/conformance';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import test, { type ExecutionContext } from 'ava';
import { InProcessInverter } from './in-process-inverter.ts';
import { type Quirks, SimulatedInverter } from './simulated-inverter.ts';

const START_MS = Date.parse('2026-06-21T12:00:00Z');

function bench(phases: string, rating_W: number, quirks: Quirks = {}) {
  return async () => {
    let now_ms = START_MS;
    let sun_W = rating_W;
    const inverter = new SimulatedInverter({
      serial: 'T-1',
      phases,
      rating_W,
      nominal_V: 240,
      now: () => now_ms,
      available_W: () => sun_W,
      quirks,
    });
    const { port } = await inverter.listen('127.0.0.1', 0);
    const { device } = openDevice({
      endpoint: `tcp://127.0.0.1:${port}?unit=1`,
      now: () => now_ms,
      deadline_ms: 60_000,
    });
    return {
      device,
      rating_W,
      phases: phases.length,
      setAvailable_W: (available_W: number) => {
        inverter.terminalPower_W();
        sun_W = available_W;
      },
      terminalPower_W: () => inverter.terminalPower_W(),
      pass: (duration_ms: number) => {
        now_ms += duration_ms;
      },
      now: () => now_ms,
      writeTransactions: () => inverter.writeTransactions,
      setOnline: (online: boolean) => {
        inverter.faults.offline = !online;
      },
      close: () => inverter.close(),
    };
  };
}

derDeviceConformance(test, 'in process, without registers', async () => {
  let now_ms = START_MS;
  let sun_W = 5000;
  const options = { serial: 'T-1', phases: 'ABC', rating_W: 5000, nominal_V: 240 };
  const device = new InProcessInverter({ ...options, now: () => now_ms, available_W: () => sun_W });
  return {
    ...{ device, rating_W: options.rating_W, phases: 3, now: () => now_ms },
    setAvailable_W: (available_W) => {
      device.terminalPower_W();
      sun_W = available_W;
    },
    terminalPower_W: () => device.terminalPower_W(),
    pass: (duration_ms) => {
      now_ms += duration_ms;
    },
    writeTransactions: () => device.writeTransactions,
    setOnline: (online) => {
      device.faults.offline = !online;
    },
    close: async () => {},
  };
});
derDeviceConformance(test, 'SunSpec 101, 5 kW', bench('B', 5000));
derDeviceConformance(test, 'SunSpec 103, 250 kW', bench('ABC', 250_000));

async function opened(t: ExecutionContext, quirks: Quirks) {
  const made = await bench('A', 5000, quirks)();
  t.teardown(async () => {
    await made.device.close();
    await made.close();
  });
  return made;
}

test('a device that refuses function 16 is written with function 6, and that is learnt', async (t) => {
  const { device, writeTransactions, terminalPower_W, pass } = await opened(t, {
    refusesWriteMultiple: true,
  });
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 300 }), { outcome: 'written', echoes: true });
  t.is(writeTransactions(), 5);
  pass(30_000);
  t.is(terminalPower_W(), 1000);
  t.like(await device.release(), { outcome: 'released' });
  t.is(writeTransactions(), 6);
});

test('a device without a revert timer is said so and not controlled', async (t) => {
  const { device, writeTransactions } = await opened(t, { noRevertTimer: true });
  const identity = await device.identity();
  t.false(identity.hasRevertTimer);
  t.true(identity.warnings.some((warning) => warning.includes('no revert timer')));
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 300 }), {
    outcome: 'refused',
    code: 'NO_REVERT_TIMER',
  });
  t.is(writeTransactions(), 0);
});
