import { codeOf } from '@fieldbid/core/errors';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import test from 'ava';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import type { LineRule } from './line.ts';

const SOUND_MS = 30_000;
const DISTURBED_MS = 150;

for (const [rule, expected] of [
  [{ fault: 'late', delay_ms: 400 }, 'MODBUS_TIMEOUT'],
  [{ fault: 'truncate' }, 'MODBUS_TIMEOUT'],
  [{ fault: 'wrongTransactionId' }, 'MODBUS_TIMEOUT'],
] as [LineRule, string][]) {
  test(`${rule.fault}: a device whose line is disturbed while it runs, and is sound again`, async (t) => {
    const inverter = new SimulatedInverter({
      ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 },
      now: () => 0,
      available_W: () => 4000,
    });
    const { port } = await inverter.listen('127.0.0.1', 0);
    let market_ms = 0;
    const { device } = openDevice({
      endpoint: `tcp://127.0.0.1:${port}?unit=1`,
      now: () => market_ms,
      deadline_ms: () => (inverter.line.isDisturbed ? DISTURBED_MS : SOUND_MS),
    });
    t.teardown(async () => {
      await device.close();
      await inverter.close();
    });
    t.like(await device.read(), { power_W: 4000 });
    inverter.line.disturb(rule, 'seed');
    t.is(codeOf(await t.throwsAsync(device.read())), expected);
    t.true(inverter.line.struck > 0);
    inverter.line.restore();
    // A unit that was silent is asked again after a while.
    market_ms += 3_600_000;
    t.like(await device.read(), { power_W: 4000 });
  });
}
