import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { FAULT_KINDS } from '@fieldbid/core/lab/faults';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import Type from 'typebox';
import { loadScenario } from '../scenario/load.ts';
import {
  checkLedgerFaults,
  checkTimeline,
  FaultEntry,
  refuseFaultsOfPrograms,
  timelineOf,
} from './timeline.ts';

const file = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const { scenario } = loadScenario(file, { start: '2026-06-21T11:00Z', intervals: 4, dayAhead: false });
const ders = scenario.ders.map((der) => {
  if (der.derId === 'pv-632') return { ...der, device: 'tcp://10.0.0.5:502?unit=1' };
  return der.derId === 'pv-633' ? { ...der, protocol: 'opcua' as const } : der;
});
const entry = (given: object): FaultEntry =>
  parse(FaultEntry, { at: '2026-06-21T11:31Z', ...given }, 'entry');
const check = (given: object) => () =>
  checkTimeline([entry(given)], { calendar: scenario.calendar, ders }, 'day.yaml');

test('a timeline is in market time, and an end follows from its duration', (t) => {
  const given = [
    entry({ fault: 'device-offline', target: 'pv-671', duration_min: 10 }),
    entry({ fault: 'broker-killed' }),
  ];
  const at_ms = Date.parse('2026-06-21T11:31:00Z');
  t.deepEqual(timelineOf(given), [
    {
      at_ms,
      until_ms: at_ms + 600_000,
      order: { fault: 'device-offline', target: 'pv-671', duration_min: 10 },
    },
    { at_ms, order: { fault: 'broker-killed' } },
  ]);
});

test('what cannot be is refused before anything starts, with where and why', (t) => {
  for (const [given, message] of [
    [
      { fault: 'device-offline', target: 'pv-0' },
      /day\.yaml at \/faults\/0\/target: found pv-0, expected a DER/,
    ],
    [{ fault: 'device-offline' }, /\/target: found none/],
    [{ fault: 'device-frozen', target: 'pv-632' }, /\/target: found pv-632, expected a DER \(simulated\)/],
    [
      { fault: 'device-noise', target: 'pv-633' },
      /\/target: found pv-633, expected a DER \(simulated, Modbus\)/,
    ],
    [{ fault: 'broker-killed', target: 'pv-671' }, /\/target: found pv-671, expected none/],
    [
      { fault: 'gateway-killed', at: '2026-06-21T12:00Z' },
      /\/at: found 2026-06-21T12:00Z, expected a minute of the run/,
    ],
    [{ fault: 'gateway-killed', at: '2026-06-31T11:00Z' }, /\/at: found .*, expected a minute that exists/],
    [{ fault: 'agent-clock-step', target: 'pv-671' }, /\/step_s: found none/],
    [{ fault: 'device-noise', target: 'pv-671', delay_ms: 5 }, /\/delay_ms: found it for device-noise/],
    [{ fault: 'dso-engine-killed', duration_min: 5 }, /\/duration_min: found 5/],
    [{ fault: 'orderer-killed' }, /\/target: found none, expected a process of the network/],
  ] as [object, RegExp][])
    t.throws(check(given), { message }, JSON.stringify(given));
  t.notThrows(check({ fault: 'agent-power-loss', target: 'pv-632' }));
  t.throws(
    () => checkLedgerFaults([entry({ fault: 'orderer-killed', target: 'orderer' })], false, 'day.yaml'),
    {
      message: /\/faults\/0\/fault: found orderer-killed in a run without a Fabric network of its own/,
    },
  );
});

test('of separate processes the bench strikes devices and lines; each fault of a program is named with its line', (t) => {
  const day = join(mkdtempSync(join(tmpdir(), 'fieldbid-timeline-')), 'day.yaml');
  const lines = [
    '{ at: 2026-06-21T11:31Z, fault: device-offline, target: pv-671 }',
    '{ at: 2026-06-21T11:32Z, fault: agent-power-loss, target: pv-680 }',
    '{ at: 2026-06-21T11:33Z, fault: answers-late, target: pv-680 }',
    '{ at: 2026-06-21T11:34Z, fault: gateway-killed, duration_min: 3 }',
  ];
  writeFileSync(day, `name: day\nfaults:\n${lines.map((line) => `  - ${line}\n`).join('')}`);
  const { faults } = readConfig(
    Type.Object({ name: Type.String(), faults: Type.Array(FaultEntry) }, { additionalProperties: false }),
    day,
  );
  const error = t.throws(() => refuseFaultsOfPrograms(faults, day), { instanceOf: InputError });
  t.true(error.message.startsWith(`${day}:4:5 at /faults/1/fault: found faults of programs`), error.message);
  t.regex(error.message, /agent-power-loss pv-680 \(\S+:4:5: at 2026-06-21T11:32Z end its edge agent/);
  t.regex(error.message, /gateway-killed \(\S+:6:5: at 2026-06-21T11:34Z end the BC-GW/);
  t.notRegex(error.message, /device-offline|answers-late/);
  const ofDevices = FAULT_KINDS.filter((fault) => /^(device|answers)-/.test(fault));
  for (const fault of FAULT_KINDS) {
    const refused = t[ofDevices.includes(fault) ? 'notThrows' : 'throws'];
    refused(() => refuseFaultsOfPrograms([{ at: '2026-06-21T11:31Z', fault }], day), undefined, fault);
  }
});
