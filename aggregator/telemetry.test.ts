import type { Measurement, UplinkLoss } from '@fieldbid/core/market/messages';
import { keyIdOf, type Signer, signed } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import { Telemetry } from './telemetry.ts';

const START_MS = Date.UTC(2026, 5, 21, 12);

function measurement(second: number, sequence: number, more: Partial<Measurement> = {}) {
  const message: Measurement = {
    derId: 'pv-1',
    readAt_ms: START_MS + second * 1000,
    power_W: 4000,
    available_W: null,
    limit_pct: null,
    voltages_V: [],
    energy_Wh: null,
    sequence,
    ...more,
  };
  return { topic: 'test', message };
}

const loss: UplinkLoss = {
  agentId: 'roof-1',
  sequence: 3,
  kind: 'measurement',
  lost: { count: 5, from_ms: START_MS, until_ms: START_MS + 4000 },
};

test('what comes twice counts once, and history is said, once', (t) => {
  const telemetry = new Telemetry((derId) => derId === 'pv-1');
  t.true(telemetry.takeMeasurement(measurement(0, 1)));
  t.false(telemetry.takeMeasurement(measurement(0, 1)));
  t.true(telemetry.takeMeasurement(measurement(9, 10)));
  for (const second of [1, 2, 2, 3])
    telemetry.takeMeasurement(measurement(second, second + 1, { historical: true }));
  t.false(telemetry.takeMeasurement(measurement(0, 1, { derId: 'pv-of-another' })));
  t.deepEqual(telemetry.takeNotes(), ['3 measurements of pv-1 came as history']);
  t.deepEqual(telemetry.takeNotes(), []);
});

test('an agent that has lost its buffer counts anew: its records are taken, and it is said', (t) => {
  const telemetry = new Telemetry(() => true);
  telemetry.takeMeasurement(measurement(0, 1));
  telemetry.takeMeasurement(measurement(1, 2));
  t.true(telemetry.takeMeasurement(measurement(60, 1)));
  t.true(telemetry.takeMeasurement(measurement(61, 2)));
  t.deepEqual(telemetry.takeNotes(), ['measurements of pv-1 are numbered anew']);
});

test('a loss is noted once, however often it is reported; another one is noted too', (t) => {
  const telemetry = new Telemetry(() => true);
  t.truthy(telemetry.takeLoss({ topic: 'test', message: loss }));
  t.is(telemetry.takeLoss({ topic: 'test', message: loss }), undefined);
  t.truthy(telemetry.takeLoss({ topic: 'test', message: { ...loss, sequence: 4 } }));
  const sentence =
    'roof-1 lost 5 measurements while it was cut off, 2026-06-21T12:00:00.000Z to 2026-06-21T12:00:04.000Z';
  t.deepEqual(telemetry.takeNotes(), [sentence, sentence]);
  t.throws(() => telemetry.takeLoss({ topic: 'test', message: { ...loss, lost: {} } }), { message: /count/ });
});

test('a signed reading that is not of the key of its DER does not count, and is said', async (t) => {
  const [device, before, other] = ['device', 'before', 'other'].map((name) => seededSigner(1, name)) as [
    Signer,
    Signer,
    Signer,
  ];
  const keys = [device.publicKey, before.publicKey];
  const telemetry = new Telemetry(() => true, {
    keysOf: (derId) => (derId === 'pv-1' ? { current: device.publicKey, previous: null } : undefined),
    keyNamed: (_, keyId) => keys.find((key) => keyIdOf(key) === keyId),
  });
  const reading = async (signer: Signer, sequence: number, more: Partial<Measurement> = {}) => {
    const { topic, message } = measurement(sequence, sequence, { previousHash: null });
    return {
      topic,
      message: { ...message, signature: await signed(signer, 'fieldbid/reading/v1', message), ...more },
    };
  };
  t.true(telemetry.takeMeasurement(await reading(before, 1)));
  t.true(telemetry.takeMeasurement(await reading(device, 2, { historical: true })));
  t.true(telemetry.takeMeasurement(measurement(3, 3)));
  t.false(telemetry.takeMeasurement(await reading(other, 4)));
  t.false(telemetry.takeMeasurement(await reading(device, 5, { power_W: 5000 })));
  t.true(telemetry.takeMeasurement(await reading(other, 6, { derId: 'pv-never-enrolled' })));
  t.deepEqual(telemetry.takeNotes(), [
    '1 measurements of pv-1 came as history',
    '2 measurements of pv-1 are not signed by its key',
  ]);
});
