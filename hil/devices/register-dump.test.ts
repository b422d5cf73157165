/** The driver reads dumps of real devices; expected values are decoded by hand from the dump's words. */
import { readFileSync } from 'node:fs';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { decodeModel } from '@fieldbid/edge-agent/drivers/sunspec/decode';
import { ModelReader } from '@fieldbid/edge-agent/drivers/sunspec/read-models';
import { type ScanResult, scan } from '@fieldbid/edge-agent/drivers/sunspec/scan';
import test from 'ava';
import { serveDump } from './register-dump.ts';

function dump(name: string): { registers: Record<string, number> } {
  return JSON.parse(
    readFileSync(new URL(`../../edge-agent/test/dumps/${name}.json`, import.meta.url), 'utf8'),
  );
}

async function serve(content: { registers: Record<string, number> }) {
  const server = serveDump(content, 'dump');
  const { port } = await server.listen('127.0.0.1', 0);
  const link = new ModbusLinks().open(
    { scheme: 'tcp', host: '127.0.0.1', port, unit: 1 },
    { deadline_ms: 60_000 },
  );
  let reads = 0;
  const counted = {
    read: (address: number, count: number) => {
      reads++;
      return link.read(address, count);
    },
  };
  return {
    port,
    link: counted,
    reads: () => reads,
    close: async () => {
      await link.close();
      await server.close();
    },
  };
}

function wordsOf(content: { registers: Record<string, number> }, address: number, length: number): number[] {
  return Array.from({ length: length + 2 }, (_, i) => content.registers[String(address + i)] ?? 0);
}

test('SMA: the whole chain is found, in few requests', async (t) => {
  const sma = dump('sma_sb3.6_day');
  const device = await serve(sma);
  const found = (await scan(device.link)) as ScanResult;
  t.true(found.complete, found.fault);
  t.is(found.base, 40_000);
  t.deepEqual(
    found.models.map(({ id, address, length }) => `${id}@${address}+${length}`),
    [
      ...['1@40002+66', '11@40070+13', '12@40085+98', '101@40185+50', '120@40237+26', '121@40265+30'],
      ...['122@40297+44', '123@40343+24', '124@40369+24', '126@40395+64', '127@40461+10', '128@40473+14'],
      ...['131@40489+64', '132@40555+64', '160@40621+128', '129@40751+60', '130@40813+60'],
    ],
  );
  // 877 registers at 125 each are 8 reads and the marker; small reads for the end of the chain.
  t.true(device.reads() <= 14, `${device.reads()} requests`);
  await device.close();
});

test('SMA: every point again in 8 requests: 873 registers at 125 each are 7, and points lie across', async (t) => {
  const device = await serve(dump('sma_sb3.6_day'));
  const { models, blocks } = (await scan(device.link)) as ScanResult;
  const reader = new ModelReader({ ...device.link, maxRead: 125 }, models, blocks);
  const first = await reader.read(blocks);
  const before = device.reads();
  const again = await reader.read();
  t.true(device.reads() - before <= 8, `${device.reads() - before} requests`);
  t.deepEqual(
    again.models.map(({ content }) => content),
    first.models.map(({ content }) => content),
  );
  t.deepEqual(again.faults, []);
  await device.close();
});

test('SMA: points of models 1, 101, 120-123 as the definitions say', (t) => {
  const sma = dump('sma_sb3.6_day');
  const read = (id: number, address: number, length: number, name: string) =>
    decodeModel(id, wordsOf(sma, address, length))?.points.get(name)?.value;
  t.is(read(1, 40_002, 66, 'Mn'), 'SMA');
  t.is(read(1, 40_002, 66, 'Md'), 'SB3.6-1AV-41');
  t.is(read(1, 40_002, 66, 'Vr'), '4.01.15.R');
  const inverter = (name: string) => read(101, 40_185, 50, name);
  // Words: A 151, A_SF 65535 (-1); PhVphA 2440, V_SF 65535; W 368, W_SF 1; Hz 4999, Hz_SF 65534 (-2).
  t.is(inverter('A'), 15.1);
  t.is(inverter('PhVphA'), 244);
  t.is(inverter('PhVphB'), null);
  t.is(inverter('W'), 3680);
  t.is(inverter('Hz'), 49.99);
  t.is(inverter('VAr'), 80); // VAr 8, VAr_SF 1
  t.is(inverter('PF'), -1); // PF 64536 (-1000), PF_SF 65533 (-3)
  t.is(inverter('WH'), 30_388_530); // 46 * 65536 + 24197 = 3038853, WH_SF 1
  t.is(inverter('DCA'), null);
  t.is(inverter('TmpCab'), 44);
  t.is(inverter('St'), 4);
  t.is(read(120, 40_237, 26, 'WRtg'), 3680);
  t.is(read(120, 40_237, 26, 'VArRtgQ2'), null);
  t.is(read(121, 40_265, 30, 'WMax'), 3680);
  t.is(read(121, 40_265, 30, 'VRef'), 230);
  t.is(read(122, 40_297, 44, 'WAval'), null);
  t.is(read(122, 40_297, 44, 'PVConn'), 5);
  t.is(read(123, 40_343, 24, 'Conn'), 0);
  t.is(read(123, 40_343, 24, 'WMaxLim_Ena'), 1);
  t.is(read(123, 40_343, 24, 'WMaxLimPct'), 0); // WMaxLimPct_SF 65534 (-2)
  t.is(read(123, 40_343, 24, 'WMaxLimPct_RvrtTms'), null);
});

test('SMA: read as a device, it delivers 3,680 W and says it is off and limited to 0 %', async (t) => {
  const server = await serve(dump('sma_sb3.6_day'));
  const { device } = openDevice({ endpoint: `tcp://127.0.0.1:${server.port}?unit=1`, now: () => 1_000 });
  t.like(await device.identity(), { manufacturer: 'SMA', measurement: 'SunSpec 101', hasRevertTimer: false });
  t.like(await device.read(), {
    power_W: 3680,
    available_W: null,
    rating_W: 3680,
    limit: { pct: 0, enabled: true, revert_s: null },
    connected: false,
    state: 'mppt',
    voltages_V: [244],
    energy_Wh: 30_388_530,
  });
  await device.close();
  await server.close();
});

test('7xx emulator: vendor models are found, it is read by 701 and limited by 704', async (t) => {
  const server = await serve(dump('dersec_emulated_der_7xx'));
  const found = (await scan(server.link)) as ScanResult;
  t.true(found.complete);
  t.deepEqual(
    found.models.map(({ id }) => id),
    [1, 701, 702, 703, 704, 705, 706, 707, 708, 709, 710, 711, 712, 713, 714, 64_412],
  );
  const { device } = openDevice({ endpoint: `tcp://127.0.0.1:${server.port}?unit=1`, now: () => 0 });
  t.like(await device.identity(), {
    measurement: 'SunSpec 701',
    control: 'SunSpec 704',
    hasRevertTimer: true,
  });
  // Words: W 9800, W_SF 0; VL1 2768, VL2 2773, VL3 2776, V_SF 65535 (-1); TotWhInj 150; InvSt 3; 702.WMax 10000;
  // WMaxLimPct 100, WMaxLimPct_SF 0, WMaxLimPctEna 0, WMaxLimPctRvrtTms 0. Model 713 says 0 Wh: no storage.
  t.like(await device.read(), {
    power_W: 9800,
    voltages_V: [276.8, 277.3, 277.6],
    energy_Wh: 150,
    state: 'mppt',
    rating_W: 10_000,
    limit: { pct: 100, enabled: false, revert_s: 0 },
    storage: null,
  });
  await device.close();
  await server.close();
});

test('what was found is kept when the chain breaks off', async (t) => {
  const sma = dump('sma_sb3.6_day');
  const cut = Object.entries(sma.registers).filter(([address]) => Number(address) < 40_400);
  const server = await serve({ registers: Object.fromEntries(cut) });
  const found = (await scan(server.link)) as ScanResult;
  t.false(found.complete);
  t.regex(found.fault ?? '', /exception 2/);
  t.is(found.models.at(-1)?.id, 126);
  await server.close();
});

test('an end model without a length, a zero-length model, another base', async (t) => {
  const words = [0x5375, 0x6e53, 64_000, 0, 103, 50, ...Array.from({ length: 50 }, () => 0x8000), 0xffff];
  const registers = Object.fromEntries(words.map((word, i) => [String(50_000 + i), word]));
  const server = await serve({ registers });
  const found = (await scan(server.link)) as ScanResult;
  t.true(found.complete, found.fault);
  t.is(found.base, 50_000);
  t.deepEqual(
    found.models.map(({ id }) => id),
    [64_000, 103],
  );
  await server.close();
});

test('no SunSpec device: said with where it was looked for', async (t) => {
  const server = await serve({ registers: { '40000': 1, '40001': 2 } });
  t.like(await scan(server.link), { found: false });
  const { device } = openDevice({ endpoint: `tcp://127.0.0.1:${server.port}?unit=1`, now: () => 0 });
  const error = await t.throwsAsync(device.identity());
  t.regex(error.message, /no marker SunS at 40000, 50000, 0/);
  await device.close();
  await server.close();
});
