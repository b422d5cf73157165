/** Questions about one device: profile, what ends a limit, where it stands, whose it is. */
import { resolve } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import type { FeederDer } from '@fieldbid/dso/feeder/feeder';
import { isProfileFile, loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import { DUMP } from '../scenario/schema.ts';
import { type Asker, oneOf } from './asker.ts';
import { choiceFor, LEAVE_OUT, type PlaceChoice, riskFactor, watchdogTime } from './choices.ts';
import { examineAs } from './examine.ts';
import { type FoundDevice, isNotFound, keysOf, type NotFound, whoIs } from './found-device.ts';
import type { InitOptions } from './init-options.ts';
import { type Decision, needsDecision, ownMapping, ownProfile } from './own-profile.ts';
import { misfit, placesFor } from './placement.ts';
import type { PlacedDevice } from './scenario-files.ts';

export interface SettleOptions {
  readonly options: InitOptions;
  readonly asker: Asker;
  readonly ders: readonly FeederDer[];
  readonly taken: ReadonlySet<string>;
  readonly deraId: string;
  readonly interval_min: number;
}

/** @returns the device at its DER, or why it is left out. @throws InputError for a choice that does not fit. */
export async function settle(device: FoundDevice, about: SettleOptions): Promise<PlacedDevice | NotFound> {
  const { asker, options, interval_min } = about;
  const choice = choiceFor(device, options.place);
  if (asker.interactive) console.log(`\n${whoIs(device.identity)}, ${device.device}`);
  if (choice.der === LEAVE_OUT) return leftOut(device, 'you left it out', 'nothing');
  const profile = await profileOf(device, choice, about);
  const found =
    profile === device.proposal.profile ? device : await underProfile(device, profile, interval_min);
  if (isNotFound(found)) return found;
  if (found.identity.control === null) {
    return leftOut(
      found,
      'nothing limits its power, so nothing can be sold',
      'another profile, or its Modbus control is off',
    );
  }
  if (found.reading.rating_W === null) {
    return leftOut(found, 'it does not say its rating', 'look again by day: some hide it at night');
  }
  const decision = await deadManDecision(found, profile, choice, about);
  if (decision === undefined) {
    return leftOut(
      found,
      'nothing ends a limit on it when this program dies, so it is not controlled unattended',
      `set its own time-out and give watchdog=SECONDS in --place, or accept it: --accept-no-dead-man '${keysOf(found)[0]}'`,
    );
  }
  const derId = await derOf(found, choice, about);
  if (derId === undefined) {
    return leftOut(
      found,
      'no free DER of the feeder has as many phases',
      'another --feeder, or a DER added to its file',
    );
  }
  if (derId === LEAVE_OUT) return leftOut(device, 'you left it out', 'nothing');
  const rf = choice.rf === undefined ? options.riskFactor : String(choice.rf);
  const riskFactor_pct = await asker.ask({
    ...{
      text: '  Risk factor RF, percent',
      option: '--risk-factor',
      given: rf,
      assumed: '0',
      read: riskFactor,
    },
  });
  const own =
    device.opcua === undefined ? ownProfile(profile, derId, decision) : ownMapping(profile, derId, decision);
  return { found, derId, profile, own, riskFactor_pct, deraId: choice.dera ?? about.deraId };
}

function leftOut({ device, identity }: FoundDevice, why: string, todo: string): NotFound {
  return { address: `${device}  ${whoIs(identity)}`, why, todo };
}

/** The proposed one, unless its owner knows better. */
async function profileOf(
  device: FoundDevice,
  { profile }: PlaceChoice,
  { asker }: SettleOptions,
): Promise<string> {
  const { opcua, proposal } = device;
  if (opcua !== undefined) return profile === undefined ? proposal.profile : resolve(profile);
  return asker.ask({
    ...{
      text: '  Profile (fieldbid edge profiles lists them)',
      option: '--place …,profile=',
      given: profile,
    },
    assumed: proposal.profile,
    read: (text) => {
      loadProfile(text);
      return isProfileFile(text) ? resolve(text) : text;
    },
  });
}

async function underProfile(device: FoundDevice, profile: string, interval_min: number) {
  const { endpoint, opcua, alsoAt, sunspecModels } = device;
  if (device.device.startsWith(DUMP)) {
    // It is not served any more; its registers were read under the proposed profile.
    return { ...device, proposal: { profile, reason: 'by your choice', others: [] } };
  }
  const found = await examineAs(
    opcua === undefined ? { endpoint, profile } : { endpoint, mapping: profile, opcua },
    { device: device.device, interval_min, proposal: { profile, reason: 'by your choice', others: [] } },
  );
  return isNotFound(found) ? found : { ...found, alsoAt, sunspecModels };
}

/** What its owner decides about the dead-man; undefined: it is not accepted, and the device stays out. */
async function deadManDecision(
  found: FoundDevice,
  profile: string,
  { watchdog }: PlaceChoice,
  { asker, options }: SettleOptions,
): Promise<Decision | undefined> {
  const own = watchdog === undefined ? {} : { watchdog_s: watchdog };
  if (!needsDecision(found, profile)) return own;
  const modbus = found.opcua === undefined;
  if (watchdog !== undefined && modbus) return own;
  // Nobody is harmed by a dump that keeps a limit.
  if (found.device.startsWith(DUMP)) return { withoutDeadMan: true };
  if (keysOf(found).some((key) => options.acceptNoDeadMan?.includes(key))) return { withoutDeadMan: true };
  if (!asker.interactive) return undefined;
  console.log('  NOTHING ends a limit on it when this program, its machine or the cable dies.');
  const answer = await asker.ask({
    text: modbus
      ? '  Its own time-out, seconds, if one is set in it; accept; or none to leave it out'
      : '  accept, or none to leave it out',
    ...{ option: '--accept-no-dead-man', given: undefined, assumed: LEAVE_OUT },
    read: (text) => (modbus && /^\d/.test(text) ? watchdogTime(text) : oneOf(['accept', LEAVE_OUT])(text)),
  });
  if (answer === LEAVE_OUT) return undefined;
  return typeof answer === 'number' ? { watchdog_s: answer } : { withoutDeadMan: true };
}

async function derOf(
  found: FoundDevice,
  { der }: PlaceChoice,
  { asker, ders, taken }: SettleOptions,
): Promise<string | undefined> {
  const fitting = placesFor(found, ders, taken);
  const read = (text: string): string => {
    if (text === LEAVE_OUT) return text;
    const wanted = ders.find(({ derId }) => derId === text);
    const ids = fitting.map(({ derId }) => derId).join(', ') || '(none fits)';
    if (wanted === undefined) throw new RangeError(`a DER of the feeder that is free and fits: ${ids}`);
    if (taken.has(text)) throw new RangeError(`another DER, ${text} has a device already: ${ids}`);
    const why = misfit(found, wanted);
    if (why !== undefined) throw new RangeError(`another DER, ${why}: ${ids}`);
    return text;
  };
  const [nearest] = fitting;
  if (nearest === undefined && der === undefined) return undefined;
  return asker.ask({
    ...{
      text: '  DER of the feeder',
      option: '--place',
      given: der,
      assumed: nearest?.derId ?? LEAVE_OUT,
      read,
    },
  });
}

export function isPlaced(one: PlacedDevice | NotFound): one is PlacedDevice {
  return 'derId' in one;
}

/** @throws InputError where nothing is left to stand on the bench. */
export function requireSome(placed: readonly PlacedDevice[], left: readonly NotFound[]): void {
  if (placed.length > 0) return;
  const found = left.length === 0 ? 'no device' : `no device that can be benched (${left.length} left out)`;
  throw new InputError({ source: 'bench init', path: '', found, expected: 'one at least: see → above' });
}
