/**
 * Days with grid emulators, from the feeder through real sockets to the inverters' registers. What is expected there comes
 * from the recorded feeder (voltages.csv), never from what the driver says of itself.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import test from 'ava';
import { type Hands, runMarketDay } from '../bench/market-day.ts';
import { writeResults } from '../bench/run-folder.ts';
import { replayFromSeed } from '../replay/replay-run.ts';
import { readRunFile } from '../replay/run-file.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { fieldbid, freePorts, printed, startFieldbid } from '../testing/programs.ts';
import { openEmulator } from './open-emulator.ts';
import { twinMapping } from './twin/emulator-twin.ts';
import { ModbusTwin } from './twin/modbus-twin.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/grid-emulator/scenario.yaml', import.meta.url));
const NOON = { start: '2026-06-21T11:45Z', intervals: 1, dayAhead: false };
const NOMINAL_V = 277.13;
const quiet = { update: () => {}, finish: () => {} };
const folderFor = (): string => mkdtempSync(join(tmpdir(), 'fieldbid-emulator-'));

type OnMinute = (minute: number, hands: Hands) => void | Promise<void>;

async function run(
  file: string,
  onMinute: OnMinute = () => {},
  more: Partial<Parameters<typeof runMarketDay>[0]> = {},
) {
  const folder = folderFor();
  const said: string[] = [];
  let minute = 0;
  const record = await runMarketDay({
    ...{ loaded: loadScenario(file, NOON), folder, dsoEnforced: true, log: silentLogger(), progress: quiet },
    say: (line) => void said.push(line),
    onMinute: (_, hands) => onMinute(minute++, hands),
    ...more,
  });
  return { folder, record, said, summary: writeResults(folder, record) };
}

/** A scenario of its own, with these emulators. */
function scenarioWith(emulators: string): string {
  const text = readFileSync(SCENARIO, 'utf8');
  const file = join(folderFor(), 'scenario.yaml');
  const scenarios = fileURLToPath(new URL('../scenarios/', import.meta.url));
  writeFileSync(
    file,
    `${text.slice(0, text.indexOf('# What stands between'))}emulators:\n${emulators}\n`
      .replaceAll('../ieee13-day', `${scenarios}ieee13-day`)
      .replaceAll('../../../feeders', fileURLToPath(new URL('../../feeders', import.meta.url))),
  );
  return file;
}

/** Rows of a table by column name. */
function rowsOf(folder: string, name: string): Record<string, string>[] {
  const [header = '', ...lines] = readFileSync(join(folder, name), 'utf8').trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i], cell])));
}

test.serial(
  "the inverters' voltage registers follow the feeder, through driver, socket and twin; and the day is repeatable",
  async (t) => {
    const read: { der: string; minute: number; voltages_V: readonly (number | null)[] }[] = [];
    const { folder, record, summary } = await run(SCENARIO, async (minute, hands) => {
      for (const der of ['pv-675', 'pv-611-c']) {
        const { device } = openRegisterDevice({ endpoint: hands.endpoint(der) ?? '', now: Date.now });
        read.push({ der, minute, voltages_V: (await device.read()).voltages_V });
        await device.close();
      }
    });
    t.deepEqual(shortcomings(summary), []);
    const feeder = rowsOf(folder, 'voltages.csv');
    const nodes = { 'pv-675': ['l675.A', 'l675.B', 'l675.C'], 'pv-611-c': ['l611.C'] };
    // An emulator is told a moment after the power flow: what is read at one minute is the feeder of the minute before.
    const compared = read.filter(({ minute }) => minute > 0);
    t.is(compared.length, 2 * 14);
    for (const { der, minute, voltages_V } of compared) {
      for (const [i, node] of nodes[der as keyof typeof nodes].entries()) {
        const expected_V = Number(feeder[minute - 1]?.[`${node}_pu`]) * NOMINAL_V;
        // Hundredths of a volt in the setpoint, tenths in the inverter's register.
        t.true(
          Math.abs((voltages_V[i] ?? 0) - expected_V) <= 0.06,
          `${der} ${minute}: ${voltages_V} ${expected_V}`,
        );
        t.true(Math.abs(expected_V - NOMINAL_V) > 1, 'a feeder at nominal voltage would show nothing');
      }
    }
    const rows = rowsOf(folder, 'emulators.csv');
    t.is(rows.length, 15 * (3 + 1));
    for (const { time, phase, asked_pu, verdict } of rows) {
      t.is(verdict, 'verified');
      t.is(asked_pu, feeder.find((row) => row.time === time)?.[`${phase}_pu`]);
    }
    t.like(summary.emulators, {
      'em-675': { verified: 45, refused: 0, unproven: 0, clamped: 0, left: { safe: true } },
      'em-611': { verified: 15, refused: 0, unproven: 0, clamped: 0, left: { safe: true } },
    });
    t.like(record.emulators[1]?.left, { output: 'off', measured_V: [0] });
    t.regex(
      readFileSync(join(folder, 'report.html'), 'utf8'),
      /<h2>Grid emulators<\/h2>[\s\S]*id="emulator-1"/,
    );
    const again = await replayFromSeed({
      ...{ recorded: folder, run: readRunFile(folder), out: folderFor(), log: silentLogger(), say: () => {} },
      progress: () => quiet,
    });
    t.deepEqual(again, []);
  },
);

test.serial(
  'a link that is cut and an emulator that only echoes: recorded, said once, and the day goes on',
  async (t) => {
    const { record, said, summary } = await run(SCENARIO, (minute, hands) => {
      const [cut, echoes] = [hands.emulator('em-675')!.faults, hands.emulator('em-611')!.faults];
      if (minute === 3) cut.offline = true;
      if (minute === 7) cut.offline = false;
      if (minute === 0) echoes.ignoresSetpoints = true;
      if (minute === 4) echoes.ignoresSetpoints = false;
    });
    t.deepEqual(shortcomings(summary), []);
    t.like(summary.intervals, { completed: 1 });
    const verdicts = (name: string): string[] =>
      record.emulators.find((one) => one.name === name)!.steps.map(({ verdict }) => verdict);
    const phases = (verdict: string, minutes: number) => Array.from({ length: 3 * minutes }, () => verdict);
    t.deepEqual(verdicts('em-675'), [
      ...phases('verified', 3),
      ...phases('unproven', 4),
      ...phases('verified', 8),
    ]);
    t.deepEqual(verdicts('em-611'), [
      ...Array.from({ length: 4 }, () => 'refused'),
      ...Array.from({ length: 11 }, () => 'verified'),
    ]);
    const warned = (text: string): number => said.filter((line) => line.includes(text)).length;
    t.is(warned('em-675: unproven at 11:48: no answer (MODBUS_CONNECTION)'), 1);
    t.is(warned('em-611: refused at 11:45: told 282.'), 1);
    t.is(warned('grid emulator'), 2);
  },
);

test.serial('an emulator in local mode ends the run before the day, with its reason', async (t) => {
  const twin = new ModbusTwin({ nominal_V: NOMINAL_V, now: Date.now });
  const { endpoint } = await twin.listen('127.0.0.1', 0);
  t.teardown(() => twin.close());
  twin.physics.local = true;
  const file = scenarioWith(
    `  - { name: em-1, der: pv-675, device: '${endpoint}', mapping: '${twinMapping('modbus')}', nominal_V: 277.13 }`,
  );
  await t.throwsAsync(run(file), {
    code: 'EMULATOR_NOT_TAKEN_OVER',
    message: /grid emulator em-1 \(tcp:.*\): it is in local mode/,
  });
  t.deepEqual(twin.taken, []);
});

test.serial(
  'a run asks before it writes to a physical emulator; ended by Ctrl-C it walks it back, and says how it was left',
  async (t) => {
    t.timeout(120_000);
    const port = await freePorts(1);
    // Its watchdog is not what brings it back here.
    const sim = startFieldbid('sim', 'emulator', '--listen', `127.0.0.1:${port}`, '--watchdog', '86400');
    t.teardown(() => sim.stop());
    await printed(sim, 'answers at');
    const endpoint = `tcp://127.0.0.1:${port}?unit=1`;
    const mapping = twinMapping('modbus');
    const file = scenarioWith(
      `  - { name: em-1, der: pv-675, device: '${endpoint}', mapping: '${mapping}', nominal_V: 277.13 }`,
    );
    const day = ['--start', NOON.start, '--intervals', '8', '--no-day-ahead'];
    const emulator = openEmulator({ endpoint, mappingFile: mapping, now: Date.now });
    t.teardown(() => emulator.close());
    const first = async () => (await emulator.read()).channels[0]!;
    const args = ['--scenario', file, ...day, '--out', join(folderFor(), 'run')];
    const refused = await fieldbid('run', ...args);
    t.is(refused.code, 1);
    t.regex(refused.output, /em-1 {2}tcp:.*feeds pv-675[\s\S]*setpoints .*235\.57 V to 318\.69 V/);
    t.regex(refused.output, /nothing was written: .* give --write-to-hardware/);
    t.is((await first()).setpoint_V, NOMINAL_V);
    const program = startFieldbid('run', ...args, '--write-to-hardware');
    t.teardown(() => program.stop());
    await printed(program, '12:0');
    const during = await first();
    t.true((during.measured_V ?? 0) > 1.02 * NOMINAL_V, JSON.stringify(during));
    program.process.kill('SIGINT');
    t.is(await program.ended, 1, program.output());
    t.regex(
      program.output(),
      /em-1: left at nominal voltage, output on, measured 277\.2, 277\.\d, 277\.\d V/,
    );
    t.is((await first()).setpoint_V, NOMINAL_V);
  },
);

test('with DERs in processes of their own, a simulated inverter cannot hang on an emulator: said before anything starts', async (t) => {
  const { code, output } = await fieldbid('run', '--scenario', SCENARIO, '--clock', 'helics', '--processes');
  t.is(code, 1);
  t.regex(
    output,
    /scenario\.yaml:\d+:\d+ at \/emulators\/0\/der: found em-675 feeds pv-675, a simulated inverter in a process/,
  );
});
