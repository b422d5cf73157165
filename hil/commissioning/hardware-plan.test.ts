/** The plan against the wire: whatever operation writes was announced, with function code and range. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import test, { type ExecutionContext } from 'ava';
import { DEFAULT_SCENARIO } from '../bench/options.ts';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { loadScenario } from '../scenario/load.ts';
import { announcedOf, lowWordFirst, NOON_MS, notAnnounced, numberOf, recordedTwin } from './bench-lab.ts';
import { hardwarePlans } from './hardware-plan.ts';
import { ownProfile } from './own-profile.ts';
import { planText } from './plan-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-plan-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const REVERT_S = 1800;
/** As their owners accept them. */
const DECISIONS: Partial<Record<FamilyName, Parameters<typeof ownProfile>[2]>> = {
  sma: { watchdog_s: 600 },
  'huawei-sun2000': { withoutDeadMan: true },
  'sungrow-sg': { withoutDeadMan: true },
};

/** The day's scenario with this device at pv-634. */
function scenarioWith(device: string, profile: string) {
  const loaded = loadScenario(DEFAULT_SCENARIO);
  const ders = loaded.scenario.ders.map((der) =>
    der.derId === 'pv-634' ? { ...der, device, profile } : der,
  );
  return { ...loaded, scenario: { ...loaded.scenario, ders } };
}

for (const family of Object.keys(FAMILIES) as FamilyName[]) {
  test(`${family}: every register that limits, releases and signs of life write was announced`, async (t) => {
    const { line, address } = await recordedTwin(t, { family });
    const base = FAMILIES[family].profile;
    const decision = DECISIONS[family];
    const own = decision === undefined ? undefined : ownProfile(base, family, decision);
    const profile = own === undefined ? base : join(folder, own.name);
    if (own !== undefined) writeFileSync(profile, own.text);
    const endpoint = `${address}?unit=${FAMILIES[family].unit}`;
    const [plan] = await hardwarePlans(scenarioWith(endpoint, profile));
    t.is(plan?.announced.outcome, 'announced', JSON.stringify(plan?.announced));
    t.is(line.writes.length, 0);
    t.is(plan?.derId, 'pv-634');

    const opened = openDevice({ endpoint, profile, now: () => NOON_MS, deadline_ms: 60_000 });
    const { device } = opened;
    t.teardown(() => device.close());
    if ('prepare' in device && typeof device.prepare === 'function') await device.prepare();
    const prepared = line.writes.splice(0);
    const flash = announcedOf(plan!).filter(({ occasion }) => occasion === 'preparation');
    t.is(prepared.length > 0, flash.length > 0);
    for (const limit_W of [0, 1, 1234, 5678.9, 9999, 10_000, 1e6]) {
      const result = await device.applyLimit({ limit_W, revert_s: REVERT_S });
      t.is(result.outcome, 'written', JSON.stringify(result));
    }
    if (opened.profile.heartbeat_s) for (let i = 0; i < 3; i++) await device.heartbeat?.();
    t.is((await device.release()).outcome, 'released');
    t.true(line.writes.length >= 8);
    const read = family === 'solaredge' ? lowWordFirst : numberOf;
    t.is(notAnnounced(line.writes, announcedOf(plan!), read), undefined);
    // The check can fail: what lifts a limit is not all that was written.
    const lifting = announcedOf(plan!).filter(({ occasion }) => occasion === 'release');
    t.not(notAnnounced(line.writes, lifting, read), undefined);
  });
}

test('a device without a dead-man: nothing is announced, because nothing would be written', async (t) => {
  const { line, address } = await recordedTwin(t, { family: 'sma' });
  const plans = await hardwarePlans(scenarioWith(`${address}?unit=126`, 'sma'));
  t.like(plans[0]?.announced, { outcome: 'refused', code: 'NO_REVERT_TIMER' });
  t.regex(planText(plans), /nothing\s+is written: NO_REVERT_TIMER/);
  t.is(line.writes.length, 0);
});

test('a device that does not answer: said, and no guess in its place', async (t) => {
  const plans = await hardwarePlans(scenarioWith('tcp://127.0.0.1:9?unit=1', 'generic-1xx'));
  t.is(plans[0]?.announced.outcome, 'unreachable');
  t.regex(planText(plans), /UNKNOWN\s+what would be written/);
});

test('the text names register, point, function, range in both, timer and wear', async (t: ExecutionContext) => {
  const { address } = await recordedTwin(t, { family: 'fimer' });
  const text = planText(await hardwarePlans(scenarioWith(`${address}?unit=2`, 'fimer')));
  // A floor of 1 % in steps of 0.01 % (sf -2), a timer of two intervals of 15 minutes, 96 intervals a day.
  t.regex(text, /40\d\d\d {5}123\.WMaxLimPct {10}16 or 6 {3}100 … 10000 {2}1 … 100 % +each limit/);
  t.regex(text, /WMaxLimPct_RvrtTms +16 or 6 +1800 +1800 s/);
  t.regex(text, /silence +revert-timer after 1800 s, then uncontrolled/);
  t.regex(text, /once an interval of 15 min, 96 times a whole day; its profile allows\s+200/);
  t.true(text.split('\n').every((line) => line.length <= 100));
});
