/** What systemd is told, and that a hung cycle gives no sign of life. */
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { serviceReady } from './notify.ts';

/** A service with a watchdog of 30 ms, and what it has said. */
function service(env: Record<string, string>, alive: () => boolean) {
  const said: string[] = [];
  let heard: () => void = () => {};
  const send = async (assignments: readonly string[]): Promise<void> => {
    said.push(...assignments);
    heard();
  };
  const ready = serviceReady({ log: silentLogger(), alive, env, send });
  const until = async (count: number): Promise<void> => {
    while (said.length < count) await new Promise<void>((resolve) => (heard = resolve));
  };
  return { said, ready, until };
}

test('ready, signs of life while the cycles move, none while one hangs, stopping', async (t) => {
  let asked = 0;
  let moves = true;
  const env = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '30000', WATCHDOG_PID: String(process.pid) };
  const { said, ready, until } = service(env, () => {
    asked++;
    return moves;
  });
  // The watchdog's timer keeps no process alive.
  const awake = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(awake));
  const running = await ready;
  await until(5);
  t.deepEqual(said.slice(0, 4), ['READY=1', 'STATUS=the agent is running', 'WATCHDOG=1', 'WATCHDOG=1']);
  moves = false;
  const [saidBefore, askedBefore] = [said.length, asked];
  while (asked < askedBefore + 3) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(said.length, saidBefore);
  moves = true;
  await until(saidBefore + 1);
  t.is(said.at(-1), 'WATCHDOG=1');
  await running.stopping();
  t.is(said.at(-1), 'STOPPING=1');
});

test('no watchdog, or one for another process: ready and stopping only; no systemd: nothing', async (t) => {
  for (const more of [{}, { WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' }]) {
    const { said, ready } = service({ NOTIFY_SOCKET: '/run/x', ...more }, () => true);
    await (await ready).stopping();
    t.deepEqual(said, ['READY=1', 'STATUS=the agent is running', 'STOPPING=1']);
  }
  const alone = service({ WATCHDOG_USEC: '3000' }, () => true);
  await (await alone.ready).stopping();
  t.deepEqual(alone.said, []);
});

test('a systemd that cannot be told does not end the agent', async (t) => {
  const running = await serviceReady({
    ...{ log: silentLogger(), alive: () => true, env: { NOTIFY_SOCKET: '/run/x' } },
    send: async () => {
      throw new Error('spawn systemd-notify ENOENT');
    },
  });
  await t.notThrowsAsync(running.stopping());
});
