/** M25 · Measurements through the API: who may store and see them, and which readings count. */
import { enrolment, rotation } from '@fieldbid/chaincode/testing/fixtures';
import type { GridMeasurement } from '@fieldbid/core/gateway-api/schemas';
import type { Measurement } from '@fieldbid/core/market/messages';
import { type Signer, signed } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test, { type ExecutionContext } from 'ava';
import { newApiKey } from '../auth/api-keys.ts';
import { type OpenGateway, openGateway, qualified } from '../testing/open-gateway.ts';

const AT_MS = Date.UTC(2026, 5, 21, 12);
const [device, next, stranger] = ['device', 'next', 'stranger'].map((name) => seededSigner(1, name)) as [
  Signer,
  Signer,
  Signer,
];
const DAY = { from_ms: '0', to_ms: String(AT_MS + 3_600_000) };

async function reading(
  sequence: number,
  signer: Signer = device,
  changes: Partial<Measurement> = {},
): Promise<Measurement> {
  const unknown = { available_W: null, limit_pct: null, voltages_V: [240.1], energy_Wh: null };
  const content = {
    ...{
      derId: 'pv1',
      readAt_ms: AT_MS + sequence * 1000,
      power_W: 4000.5,
      ...unknown,
      sequence,
      previousHash: null,
    },
    ...changes,
  };
  return { ...content, signature: await signed(signer, 'fieldbid/reading/v1', content) };
}

async function withGateway(t: ExecutionContext, run: (gateway: OpenGateway) => Promise<void>): Promise<void> {
  const gateway = await openGateway();
  t.teardown(() => gateway.close());
  await qualified(gateway, ['pv1', 'pv3']);
  await qualified(gateway, ['pv2'], { deraId: 'south', deviceIds: ['pv2-inverter'] });
  await gateway.client('north').enrolKey(await enrolment('pv1', device));
  await run(gateway);
}

test('readings come back as their device signed them, each once, whoever sends them twice', async (t) => {
  await withGateway(t, async (gateway) => {
    const north = gateway.client('north');
    const sent = await Promise.all([1, 2, 3].map((n) => reading(n)));
    t.deepEqual(await north.addReadings(sent), { stored: 3, known: 0, refused: [] });
    // Replayed from a buffer: the same reading, marked as history.
    const again = [{ ...sent[0], historical: true } as Measurement, await reading(4)];
    t.deepEqual(await north.addReadings(again), { stored: 1, known: 1, refused: [] });
    const first = await north.readings({ derId: 'pv1', ...DAY, limit: '2' });
    t.deepEqual(first.readings, sent.slice(0, 2));
    const rest = await north.readings({ derId: 'pv1', ...DAY, after: first.next ?? '' });
    t.deepEqual(rest, { readings: [sent[2], await reading(4)], next: null });
    t.is((await gateway.client('operator').readings({ derId: 'pv1', ...DAY })).readings.length, 4);
    t.is((await gateway.client('dso').readings({ derId: 'pv1', ...DAY })).readings.length, 4);
  });
});

test('a reading that does not count is named, and the others are kept', async (t) => {
  await withGateway(t, async (gateway) => {
    const { signature: _, ...unsigned } = await reading(2);
    const { sequence: __, ...unnumbered } = await reading(3);
    const answer = await gateway
      .client('north')
      .addReadings([
        await reading(1),
        unsigned as Measurement,
        unnumbered as Measurement,
        await reading(4, stranger),
        { ...(await reading(5)), power_W: 9999 },
        await reading(6, device, { derId: 'pv2' }),
        await reading(7, device, { derId: 'pv9' }),
        await reading(8, device, { derId: 'pv3' }),
        await reading(9),
      ]);
    t.is(answer.stored, 2);
    t.deepEqual(
      answer.refused.map(({ index, code }) => `${index} ${code}`),
      [
        '1 UNSIGNED',
        '2 UNSIGNED',
        '3 UNKNOWN_KEY',
        '4 BAD_SIGNATURE',
        '5 WRONG_AGGREGATOR',
        '6 NOT_REGISTERED',
        '7 UNKNOWN_KEY',
      ],
    );
    for (const { reason } of answer.refused) t.regex(reason, /.{15,}/);
  });
});

test('after a rotation readings of both keys count: those of before may arrive late', async (t) => {
  await withGateway(t, async (gateway) => {
    const north = gateway.client('north');
    await north.rotateKey(await rotation('pv1', device, next, '2026-06-21T12:00Z'));
    t.deepEqual(await north.addReadings([await reading(1), await reading(2, next)]), {
      stored: 2,
      known: 0,
      refused: [],
    });
  });
});

test('voltages of a feeder are the DSO’s to store and to see', async (t) => {
  await withGateway(t, async (gateway) => {
    const dso = gateway.client('dso');
    const measurement: GridMeasurement = {
      ...{ feederId: 'ieee13', at_ms: AT_MS, source: 'measured' },
      voltages: [
        { node: 'l675.A', voltage_upu: 1_012_345 },
        { node: 'l675.B', voltage_upu: 998_000 },
      ],
    };
    t.deepEqual(await dso.addGridMeasurements([measurement]), { stored: 2, known: 0, refused: [] });
    const query = { feederId: 'ieee13', ...DAY };
    t.deepEqual((await dso.gridMeasurements({ ...query, node: 'l675.B' })).voltages, [
      { at_ms: AT_MS, node: 'l675.B', source: 'measured', voltage_upu: 998_000 },
    ]);
    const first = await dso.gridMeasurements({ ...query, limit: '1' });
    const rest = await dso.gridMeasurements({ ...query, after: first.next ?? '' });
    t.deepEqual(
      [...first.voltages, ...rest.voltages].map(({ node }) => node),
      ['l675.A', 'l675.B'],
    );
    t.is((await gateway.client('operator').gridMeasurements(query)).voltages.length, 2);
    for (const party of ['north', 'iso'] as const) {
      await t.throwsAsync(gateway.client(party).gridMeasurements(query), { code: 'FORBIDDEN' });
    }
    await t.throwsAsync(gateway.client('north').addGridMeasurements([measurement]), { code: 'FORBIDDEN' });
  });
});

test('an aggregator stores and sees readings of its own DERs; the ISO sees none', async (t) => {
  await withGateway(t, async (gateway) => {
    const query = { derId: 'pv1', ...DAY };
    await t.throwsAsync(gateway.client('south').readings(query), { code: 'WRONG_AGGREGATOR' });
    await t.throwsAsync(gateway.client('iso').readings(query), { code: 'FORBIDDEN' });
    await t.throwsAsync(gateway.client('dso').addReadings([await reading(1)]), { code: 'FORBIDDEN' });
    const south = await gateway.client('south').addReadings([await reading(1)]);
    t.like(south, { stored: 0, refused: [{ code: 'WRONG_AGGREGATOR' }] });
  });
});

test('a query that is wrong says where', async (t) => {
  await withGateway(t, async (gateway) => {
    const dso = gateway.client('dso');
    await t.throwsAsync(dso.readings({ derId: 'pv1', from_ms: '-1', to_ms: '5' }), {
      message: /at \/from_ms: found "-1"/,
    });
    await t.throwsAsync(dso.readings({ derId: 'pv1', ...DAY, after: 'nonsense' }), {
      message: /at \/after: found nonsense, expected the next of a former page/,
    });
    await t.throwsAsync(dso.readings({ derId: 'pv9 or 1=1', ...DAY }), { code: 'INVALID_INPUT' });
  });
});

test('a key with fewer scopes than its role has is told what it lacks', async (t) => {
  await withGateway(t, async (gateway) => {
    const { key, entry } = newApiKey({ name: 'reader', role: 'dso', scopes: ['read'] });
    await gateway.keys.save(entry);
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${gateway.url}/v1${path}`, {
        ...init,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      });
    t.is((await ask('/ders')).status, 200);
    const refused = await ask('/ders/pv1/qualification', { method: 'PUT', body: '{}' });
    t.is(refused.status, 403);
    t.deepEqual(await refused.json(), {
      code: 'FORBIDDEN',
      message: 'This needs the scope qualify; the key reader has read.',
    });
    t.is((await ask('/events')).status, 403);
  });
});
