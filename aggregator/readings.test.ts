import { FieldbidError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import type { Measurement } from '@fieldbid/core/market/messages';
import test from 'ava';
import { ReadingsToStore } from './readings.ts';

const reading = (sequence: number): Measurement =>
  ({ derId: 'pv-1', sequence, signature: { keyId: 'k', value: 'v' } }) as Measurement;

function store() {
  const kept: number[] = [];
  const state = { away: false, asked: 0 };
  const addReadings = async (readings: Measurement[]) => {
    state.asked++;
    await new Promise((resolve) => setImmediate(resolve));
    if (state.away) throw new FieldbidError('GATEWAY_UNAVAILABLE', 'gone', { retryable: true });
    kept.push(...readings.map(({ sequence = 0 }) => sequence));
    return { stored: readings.length, known: 0, refused: [] };
  };
  return { kept, state, gateway: { addReadings } };
}

test('what could not be sent is sent later, in order, each once; unsigned readings are not for the store', async (t) => {
  const { kept, state, gateway } = store();
  const readings = new ReadingsToStore(gateway, silentLogger());
  state.away = true;
  for (const n of [1, 2]) readings.take(reading(n));
  readings.take({ derId: 'pv-1', sequence: 3 } as Measurement);
  await readings.send();
  t.deepEqual(kept, []);
  state.away = false;
  readings.take(reading(4));
  const sending = readings.send();
  readings.take(reading(5));
  await Promise.all([sending, readings.send()]);
  await readings.send();
  t.deepEqual(kept, [1, 2, 4, 5]);
  t.deepEqual(readings.takeNotes(), []);
});

test('when too many wait the oldest are given up, counted and said once', async (t) => {
  const { kept, state, gateway } = store();
  const readings = new ReadingsToStore(gateway, silentLogger(), 3);
  state.away = true;
  for (const n of [1, 2, 3, 4, 5]) readings.take(reading(n));
  await readings.send();
  state.away = false;
  await readings.send();
  t.deepEqual(kept, [3, 4, 5]);
  t.deepEqual(readings.takeNotes(), ['2 readings could not be stored (see the log)']);
  t.deepEqual(readings.takeNotes(), []);
});

test('a batch that is too large is cut; what is refused for good does not hold up what follows', async (t) => {
  const kept: number[] = [];
  const addReadings = async (readings: Measurement[]) => {
    if (readings.length > 100) throw new FieldbidError('BODY_TOO_LARGE', 'too large');
    if (readings.some(({ sequence }) => sequence === 7))
      throw new FieldbidError('INVALID_INPUT', 'what is this?');
    kept.push(...readings.map(({ sequence = 0 }) => sequence));
    return { stored: readings.length, known: 0, refused: [] };
  };
  const readings = new ReadingsToStore({ addReadings }, silentLogger());
  for (let n = 1; n <= 1000; n++) readings.take(reading(n));
  await readings.send();
  t.is(kept.at(-1), 1000);
  const [note] = readings.takeNotes();
  t.is(note, `${1000 - kept.length} readings could not be stored (see the log)`);
  t.true(kept.length >= 900 && kept.length < 1000);
});
