/** Units that do not answer, beside others on the same bus that do. */
import test, { type ExecutionContext } from 'ava';
import { ModbusBus } from './bus.ts';
import { mediumOf } from './medium.ts';
import { addressIn, peer, words } from './testing/peer.ts';

const mediumAt = (port: number) => mediumOf({ scheme: 'tcp', host: '127.0.0.1', port, unit: 1 });
/** For what is to end as a timeout: passes in slices, so that the answers of this process come in time. */
const SHORT_MS = 60;

/** 32 units polled once a second by the clock handed in; an answer takes 5 ms of it, a dead unit its whole second. */
async function pollRate(
  t: ExecutionContext,
  dead: readonly number[],
  absent: readonly number[] = [],
): Promise<{ livePolls: number; probes: number[] }> {
  let now_ms = 1_000_000;
  const probes: number[] = [];
  const device = await peer((request, socket) => {
    const unit = request.readUInt8(6);
    if (dead.includes(unit)) {
      probes.push(now_ms);
      now_ms += 1000;
    } else {
      now_ms += 5;
      socket.write(words(request, [unit]));
    }
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), now: () => now_ms });
  const units = Array.from({ length: 32 }, (_, i) => i + 1).filter((unit) => !absent.includes(unit));
  const start_ms = now_ms;
  let livePolls = 0;
  const poll = async (unit: number): Promise<void> => {
    // A dead one is waited for in real time; the answers of the others come in their own.
    const deadline_ms = dead.includes(unit) ? SHORT_MS : 60_000;
    try {
      t.deepEqual(await bus.read(unit, 0, 1, 'holding', { deadline_ms }), [unit]);
      livePolls++;
    } catch (error) {
      t.like(error, { code: 'MODBUS_TIMEOUT', retryable: true });
      t.true(dead.includes(unit));
    }
  };
  for (let second = 0; second < POLLED_S; second++) {
    await Promise.all(units.map(poll));
    now_ms = Math.max(now_ms, start_ms + (second + 1) * 1000);
    if (now_ms >= start_ms + POLLED_S * 1000) break;
  }
  await bus.close();
  await device.close();
  return { livePolls, probes };
}
const POLLED_S = 600;

test('8 dead units of 32 cost the others less than 5 % of their polls, and none is forgotten', async (t) => {
  const dead = [2, 3, 7, 11, 18, 24, 25, 32];
  const without = await pollRate(t, [], dead);
  const found = await pollRate(t, dead);
  t.is(without.livePolls, 24 * POLLED_S);
  t.true(found.livePolls >= 0.95 * without.livePolls, `${found.livePolls} of ${without.livePolls}`);
  // Once each to find that they are dead; then one probe of 1 s in 33.3 s.
  const later = found.probes.slice(dead.length - 1);
  t.true(later.length >= 10, `${later.length} probes`);
  for (const [i, at_ms] of later.entries()) {
    if (i > 0) t.true(at_ms - (later[i - 1] ?? 0) >= 1000 / 0.03);
  }
});

test('a dead unit: refused at once with when it is asked again; back at once when it answers', async (t) => {
  let now_ms = 0;
  let silent = true;
  const device = await peer((request, socket) => {
    if (request.readUInt8(6) === 1 && silent) return;
    socket.write(words(request, [addressIn(request)]));
  });
  const bus = new ModbusBus({
    medium: mediumAt(device.port),
    now: () => now_ms,
    timing: { deadline_ms: SHORT_MS },
    backOff: { first_ms: 4000, max_ms: 8000 },
  });
  const ask = async (at_ms: number): Promise<string> => {
    now_ms = at_ms;
    const before = bus.stats(1).requests;
    const error = await t.throwsAsync(bus.read(1, 0, 1));
    t.like(error, { code: 'MODBUS_TIMEOUT', retryable: true });
    return bus.stats(1).requests > before ? 'asked' : error.message.replace(/^.*; it is /, '');
  };
  t.is(await ask(0), 'asked');
  t.is(await ask(0), 'asked'); // one lost answer is no dead unit
  t.is(await ask(0), 'asked again in 4 s');
  t.deepEqual(await bus.read(2, 9, 1), [9]); // its neighbour
  t.is(await ask(3999), 'asked again in 1 s');
  t.is(await ask(4000), 'asked');
  t.is(await ask(11_999), 'asked again in 1 s'); // doubled
  t.is(await ask(12_000), 'asked');
  t.is(await ask(19_999), 'asked again in 1 s'); // no more than the cap
  silent = false;
  now_ms = 20_000;
  for (const address of [5, 6, 7]) t.deepEqual(await bus.read(1, address, 1), [address]);
  t.like(bus.stats(1), { requests: 7, answers: 3, timeouts: 4, heldBack: 4 });
  await bus.close();
  await device.close();
});

test('dropping the connection for a dead unit costs the others none of their answers', async (t) => {
  const device = await peer((request, socket) => {
    if (request.readUInt8(6) !== 1) socket.write(words(request, [addressIn(request)]));
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), timing: { deadline_ms: 60_000 } });
  const outcomes = await Promise.allSettled([
    ...[10, 11].map((address) => bus.read(2, address, 1)),
    bus.read(1, 0, 1, 'holding', { deadline_ms: SHORT_MS }),
    ...[20, 21, 22].map((address) => bus.read(3, address, 1)),
  ]);
  t.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0] : 'failed')),
    [10, 11, 'failed', 20, 21, 22],
  );
  t.is(device.connections, 2);
  await bus.close();
  await device.close();
});

test('a unit with many requests takes turns with the others', async (t) => {
  const order: number[] = [];
  const device = await peer((request, socket) => {
    order.push(request.readUInt8(6));
    socket.write(words(request, [0]));
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), timing: { deadline_ms: 60_000 } });
  await Promise.all([1, 1, 1, 1, 2, 3, 2].map((unit) => bus.read(unit, 0, 1)));
  t.deepEqual(order, [1, 2, 3, 1, 2, 1, 1]);
  await bus.close();
  await device.close();
});

test('the pause that protects others does not hold back a unit that is alone on its bus', async (t) => {
  let now_ms = 0;
  const device = await peer(() => {
    now_ms += 1000;
  });
  const bus = new ModbusBus({
    medium: mediumAt(device.port),
    now: () => now_ms,
    timing: { deadline_ms: SHORT_MS },
  });
  for (let i = 0; i < 2; i++) await t.throwsAsync(bus.read(1, 0, 1));
  t.is(bus.stats(1).requests, 2);
  now_ms += 1000; // the first wait of its own
  await t.throwsAsync(bus.read(1, 0, 1));
  t.is(bus.stats(1).requests, 3);
  await bus.close();
  await device.close();
});

test('a unit nobody has heard yet has no more patience at first than its neighbours need, and all of it next time', async (t) => {
  let now_ms = 0;
  let asked = 0;
  const device = await peer((request, socket) => {
    const unit = request.readUInt8(6);
    const answer = () => socket.write(words(request, [unit]));
    if (unit === 2) answer();
    // Slow, but alive: later than its neighbours by far, well within its deadline.
    else if (asked++ > 0) setTimeout(answer, 300);
  });
  const bus = new ModbusBus({
    medium: mediumAt(device.port),
    now: () => now_ms,
    timing: { deadline_ms: 60_000 },
  });
  t.deepEqual(await bus.read(2, 0, 1), [2]);
  const error = await t.throwsAsync(bus.read(1, 0, 1)); // 60 s would end the test
  t.regex(error.message, /did not answer within/);
  now_ms += 60_000;
  t.deepEqual(await bus.read(1, 0, 1), [1]);
  await bus.close();
  await device.close();
});

test('after each silence those who answer come first', async (t) => {
  const order: number[] = [];
  const device = await peer((request, socket) => {
    const unit = request.readUInt8(6);
    order.push(unit);
    if (unit < 3) return;
    socket.write(words(request, [unit]));
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), timing: { deadline_ms: 60_000 } });
  const poll = (unit: number) =>
    bus.read(unit, 0, 1, 'holding', { deadline_ms: unit < 3 ? SHORT_MS : 60_000 });
  await Promise.all([poll(3), poll(4)]);
  await Promise.allSettled([poll(1), poll(2), poll(1), poll(2), poll(3), poll(4), poll(3), poll(4)]);
  t.deepEqual(order, [3, 4, 1, 3, 4, 2, 3, 4]); // a unit that nobody has heard yet is dead after one silence
  await bus.close();
  await device.close();
});
