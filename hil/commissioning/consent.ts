/** Before a run writes to hardware: the plan is shown, and somebody has to agree. */
import { FieldbidError } from '@fieldbid/core/errors';
import { emulatorPlans, isReachable } from '../emulator/emulator-plan.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { isPhysical, type Scenario } from '../scenario/schema.ts';
import { Asker, INTERRUPTED } from './asker.ts';
import { emulatorText } from './emulator-text.ts';
import { hardwarePlans, isComplete } from './hardware-plan.ts';
import { planText } from './plan-text.ts';

export const CONSENT_OPTION = '--write-to-hardware';

export interface ConsentOptions {
  /** `--write-to-hardware` was given. */
  readonly given: boolean;
  /** Which of the scenario's DERs this program writes to; every physical one by default. */
  readonly of?: (der: Scenario['ders'][number]) => boolean;
  /** Whether it writes to the scenario's grid emulators. */
  readonly emulators: boolean;
}

/**
 * Shows on standard error what is written to the physical devices and grid emulators of the scenario, and returns when that is agreed to:
 * by the option, or on a terminal. Dumps and simulated devices need nobody's consent.
 * @throws FieldbidError `NO_CONSENT`; `HARDWARE_UNKNOWN` where a device does not answer, so that nobody can know.
 */
export async function agreeToWrites(
  loaded: LoadedScenario,
  { given, of = isPhysical, emulators }: ConsentOptions,
): Promise<void> {
  const sources = emulators ? await emulatorPlans(loaded) : [];
  const plans = await hardwarePlans(loaded, of);
  if (plans.length === 0 && sources.length === 0) return;
  const texts = [...(plans.length === 0 ? [] : [planText(plans)]), ...sources.map(emulatorText)];
  console.error(`This run writes to hardware:\n\n${texts.join('\n\n')}\n`);
  if (!isComplete(plans) || !sources.every(isReachable)) {
    throw new FieldbidError(
      'HARDWARE_UNKNOWN',
      'a device does not answer, so what would be written to it is not known: nothing was started. ' +
        '`fieldbid edge doctor` or `fieldbid emulator check` say more; device: simulated in the scenario takes it out',
    );
  }
  if (given) return;
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const asker = new Asker(interactive, () => process.exit(INTERRUPTED));
  try {
    if (await asker.confirm('Write this to the devices?', false)) return;
  } finally {
    asker.close();
  }
  throw new FieldbidError(
    'NO_CONSENT',
    `nothing was written: ${interactive ? 'not confirmed' : `there is no terminal to ask on; give ${CONSENT_OPTION}`}`,
  );
}
