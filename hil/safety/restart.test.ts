/**
 * An agent that is killed and started again within its devices' revert times: it still knows its awards, and takes
 * the devices over without a moment in which one delivers more.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CLASSES, openSubject } from './device-classes.ts';
import { SafetyLab, until } from './lab.ts';

const AWARD_W = 3000;
/** A restart on the slowest machine is shorter. */
const REVERT_S = 600;

test('kill -9 and a new start: the awards are held, the timers armed again, and nothing jumps', async (t) => {
  const lab = new SafetyLab(Date.now());
  t.teardown(() => lab.close());
  const kept = ['revert-123', 'revert-704', 'revert-704-to-50', 'storage-704-set'];
  for (const given of CLASSES.filter(({ name }) => kept.includes(name))) {
    lab.subjects.push(await openSubject({ ...given, revert_s: REVERT_S, hold_s: REVERT_S }, lab.write));
  }
  await lab.openMarket();
  await lab.startAgent();
  await lab.award(lab.schedule[0]!, AWARD_W);
  // Ahead: a restarted agent knows it as well.
  await lab.award(lab.schedule[1]!, 1000);
  await until(() => lab.subjects.every(({ power_W }) => Math.abs(power_W() - AWARD_W) < 1));
  await lab.killAgent();
  const before = lab.subjects.map((subject) => subject.writeTransactions());
  let highest_W = 0;
  const look = (): void => {
    highest_W = Math.max(highest_W, ...lab.subjects.map(({ power_W }) => power_W()));
  };
  const started = lab.startAgent();
  await until(() => lab.subjects.every((subject, i) => subject.writeTransactions() > (before[i] ?? 0)), look);
  await started;
  const said = lab.agentOutput().match(/award held again after a restart/g) ?? [];
  t.is(said.length, 2 * kept.length);
  const proved = (derId: string): boolean =>
    lab.verdicts.some((verdict) => verdict.derId === derId && verdict.verdict === 'verified');
  await until(() => lab.subjects.every(({ derId }) => proved(derId)), look);
  t.true(highest_W <= AWARD_W + 1e-6, `${highest_W} W`);
  t.true(lab.subjects.every(({ heardAt_ms }) => Date.now() - heardAt_ms() < REVERT_S * 1000));
  t.true(existsSync(join(lab.folder, 'roof-7.awards.sqlite')));
});
