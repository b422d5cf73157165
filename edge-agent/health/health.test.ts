/** Health: what the Pi's firmware word means (bits as published by Raspberry Pi), and that trouble is said once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { type Health, HealthWatch, measureHealth, troubles } from './health.ts';
import { throttling } from './throttling.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-health-'));
test.after.always(() => rmSync(folder, { recursive: true }));

function sysWith(name: string, files: Record<string, string>): string {
  const root = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const FIRMWARE = 'devices/platform/soc/soc:firmware/get_throttled';

test("the firmware's word: bit 0 undervoltage, 1 to 3 slowed down, 16 to 19 since boot", (t) => {
  const word = (text: string) => throttling(sysWith(`word-${text}`, { [FIRMWARE]: `${text}\n` }));
  t.deepEqual(word('0'), { undervoltage: false, throttled: false, sinceBoot: false });
  t.deepEqual(word('50000'), { undervoltage: false, throttled: false, sinceBoot: true });
  t.deepEqual(word('50005'), { undervoltage: true, throttled: true, sinceBoot: true });
  t.deepEqual(word('80008'), { undervoltage: false, throttled: true, sinceBoot: true });
});

test('without the firmware word the supply sensor is asked; without both nothing is claimed', (t) => {
  const sensor = { 'class/hwmon/hwmon0/name': 'cpu_thermal\n', 'class/hwmon/hwmon1/name': 'rpi_volt\n' };
  const sys = sysWith('sensor', { ...sensor, 'class/hwmon/hwmon1/in0_lcrit_alarm': '1\n' });
  t.deepEqual(throttling(sys), { undervoltage: true, throttled: null, sinceBoot: null });
  const nothing = { undervoltage: null, throttled: null, sinceBoot: null };
  t.deepEqual(throttling(sysWith('other', { 'class/hwmon/hwmon0/name': 'k10temp\n' })), nothing);
  t.deepEqual(throttling(join(folder, 'absent')), nothing);
});

const WELL: Health = {
  cpu_pct: 3,
  memoryAvailable_bytes: 500e6,
  memoryTotal_bytes: 1000e6,
  diskFree_bytes: 10e9,
  diskSize_bytes: 30e9,
  temperature_C: 50,
  throttling: { undervoltage: false, throttled: false, sinceBoot: false },
};

test('what is wrong is named, each by itself', (t) => {
  t.deepEqual(troubles(WELL), []);
  const ill: Health = {
    ...WELL,
    ...{ cpu_pct: 99, memoryAvailable_bytes: 49e6, diskFree_bytes: 100e6, temperature_C: 83 },
    throttling: { undervoltage: true, throttled: true, sinceBoot: true },
  };
  t.deepEqual(
    troubles(ill).map(([key]) => key),
    ['cpu', 'memory', 'disk', 'temperature', 'undervoltage', 'throttled'],
  );
  const silent: Health = {
    ...{ cpu_pct: null, memoryAvailable_bytes: null, memoryTotal_bytes: null, diskFree_bytes: null },
    ...{ diskSize_bytes: null, temperature_C: null },
    throttling: { undervoltage: null, throttled: null, sinceBoot: null },
  };
  t.deepEqual(troubles(silent), []);
});

test('trouble is logged when it begins and when it is over, and sensors that fail do no harm', async (t) => {
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const samples: (Health | Error)[] = [
    WELL,
    { ...WELL, diskFree_bytes: 1e6 },
    { ...WELL, diskFree_bytes: 1e6 },
    new Error('df: stuck'),
    new Error('df: stuck'),
    WELL,
  ];
  const watch = new HealthWatch({
    log,
    folder,
    measure: async () => {
      const sample = samples.shift() ?? WELL;
      if (sample instanceof Error) throw sample;
      return sample;
    },
  });
  while (samples.length > 0) await watch.sample();
  t.deepEqual(
    lines.map(({ level, msg }) => `${level} ${msg}`),
    [
      '40 1 MB are free on the disk: what is buffered may be lost',
      '40 health not measured: df: stuck',
      '30 well again',
      '30 well again',
    ],
  );
  t.is(watch.latest, WELL);
});

test('this machine can be measured', async (t) => {
  const health = await measureHealth(folder);
  t.true((health.diskFree_bytes ?? 0) > 0);
  t.true((health.memoryTotal_bytes ?? 0) >= (health.memoryAvailable_bytes ?? 0));
});
