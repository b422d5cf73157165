/**
 * Whatever dies, each class of device is at its safe state within its revert time and 5 s, and holds its limit until
 * then. Real processes, real sockets, real seconds; what a device must be doing is told from its own clock.
 */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { OpcUaFolder } from '../devices/opcua/opcua-bench.ts';
import { CLASSES, openOpcUaSubject, openSubject, SUN_W, type Subject } from './device-classes.ts';
import { SafetyLab, until } from './lab.ts';

const AWARD_W = 3000;
const GRACE_MS = 5000;
/** A limit that is renewed between two looks, and a heartbeat that is older than the write beside it. */
const LOOK_MS = 1500;

const opcua = new OpcUaFolder();
test.before(() => opcua.prepare());
test.after.always(() => opcua.remove());

const held = ({ power_W }: Subject): boolean => Math.abs(power_W() - AWARD_W) < 1;

/** An agent that holds an award on a device of every class, and one that it refuses to control unattended. */
async function everyClass(t: ExecutionContext): Promise<{ lab: SafetyLab; refused: Subject }> {
  const lab = new SafetyLab(Date.now());
  t.teardown(() => lab.close());
  for (const each of CLASSES) lab.subjects.push(await openSubject(each, lab.write));
  lab.subjects.push(await openOpcUaSubject(opcua, join(lab.folder, 'pki')));
  const timeless = {
    ...{ name: 'none-huawei', family: 'huawei-sun2000', profile: (profile) => profile },
    ...{ revert_s: 10, hold_s: 0, safe_W: SUN_W },
  } satisfies Parameters<typeof openSubject>[0];
  const refused = await openSubject(timeless, lab.write);
  lab.subjects.push(refused);
  await lab.openMarket();
  await lab.startAgent();
  await lab.award(lab.schedule[0]!, AWARD_W);
  const controlled = lab.subjects.filter((subject) => subject !== refused);
  await until(() => controlled.every(held) && lab.verdicts.some(({ derId }) => derId === refused.derId));
  return { lab, refused };
}

/** From the death on: limits hold as long as each device's timer runs, and then it is where it is safe. */
async function safeAfter(
  t: ExecutionContext,
  { lab, refused }: { lab: SafetyLab; refused: Subject },
  die: () => Promise<void>,
): Promise<void> {
  await die();
  const died_ms = Date.now();
  const controlled = lab.subjects.filter((subject) => subject !== refused);
  const early = new Map<string, number>();
  const ends_ms = died_ms + Math.max(...controlled.map(({ hold_s }) => hold_s)) * 1000 + GRACE_MS;
  await until(
    () => Date.now() >= ends_ms,
    () => {
      for (const { derId, hold_s, power_W, heardAt_ms } of controlled) {
        const heard_ms = heardAt_ms();
        const watts = power_W();
        if (Date.now() < heard_ms + hold_s * 1000 - LOOK_MS && watts > AWARD_W + 1) early.set(derId, watts);
      }
    },
  );
  t.deepEqual([...early], []);
  for (const { derId, power_W, safe_W } of lab.subjects) {
    t.true(Math.abs(power_W() - safe_W) < 1, `${derId}: ${power_W()} W, safe is ${safe_W} W`);
  }
  // Refused, and by name: nothing would have ended its limit.
  t.is(refused.writeTransactions(), 0);
  t.like(
    lab.verdicts.find(({ derId }) => derId === refused.derId),
    { verdict: 'refused' },
  );
}

test('kill -9 of the agent', async (t) => {
  const bench = await everyClass(t);
  await safeAfter(t, bench, () => bench.lab.killAgent());
});

test('the links to the devices are cut; mended, each device is taken over again', async (t) => {
  const bench = await everyClass(t);
  const { lab, refused } = bench;
  await safeAfter(t, bench, async () => {
    for (const subject of lab.subjects) subject.cutLink();
  });
  for (const subject of lab.subjects) subject.mendLink();
  await until(() => lab.subjects.filter((subject) => subject !== refused).every(held));
  t.pass();
});

test('power loss: agent, links and broker at once', async (t) => {
  const bench = await everyClass(t);
  const { lab } = bench;
  await safeAfter(t, bench, async () => {
    for (const subject of lab.subjects) subject.cutLink();
    await Promise.all([lab.killAgent(), lab.cutBroker()]);
  });
});
