/** A device that gives fewer registers in one answer than its profile says: found out once, then respected. */
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import test from 'ava';
import { ILLEGAL_VALUE, ModbusRefusal } from './modbus-answers.ts';
import { serve } from './serve.ts';
import { SimulatedInverter } from './simulated-inverter.ts';

test('a device that refuses large reads is read in smaller ones, and not asked for large ones again', async (t) => {
  const inverter = new SimulatedInverter({
    ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 },
    now: () => 0,
    available_W: () => 4000,
  });
  let refused = 0;
  const small = {
    ...inverter.registers,
    readRegisters: (unit: number, address: number, count: number, code: 3 | 4) => {
      if (count > 30) refused++;
      if (count > 30) throw new ModbusRefusal(ILLEGAL_VALUE, `${count} registers`);
      return inverter.registers.readRegisters(unit, address, count, code);
    },
  };
  const served = await serve(small, { scheme: 'tcp', host: '127.0.0.1', port: 0, unit: 1 });
  const { device } = openDevice({ endpoint: served.endpoint, now: () => 0, deadline_ms: 60_000 });
  const readAndLimit = async (limit_W: number): Promise<void> => {
    t.like(await device.read(), { power_W: 4000, available_W: 4000, rating_W: 5000 });
    t.like(await device.applyLimit({ limit_W, revert_s: 60 }), { outcome: 'written', echoes: true });
  };
  await readAndLimit(4500);
  t.true(refused > 0);
  refused = 0;
  await readAndLimit(4400);
  t.is(refused, 0);
  await device.close();
  await served.close();
});
