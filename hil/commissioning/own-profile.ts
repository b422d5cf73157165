/**
 * A profile, or an OPC UA mapping, of one device: the family's own, with what its owner has decided about the dead-man.
 * A copy beside the scenario, so that the decision is written where it holds and nowhere else.
 */
import { readFileSync } from 'node:fs';
import { loadMapping } from '@fieldbid/edge-agent/drivers/opcua/mapping';
import { isProfileFile, loadProfile, profileFile } from '@fieldbid/edge-agent/profiles/profile';
import { parseDocument } from 'yaml';
import type { FoundDevice } from './found-device.ts';

export interface Decision {
  /** The device's own time-out for silence, s. */
  readonly watchdog_s?: number;
  /** Nothing ends a limit when its agent dies, and that is accepted. */
  readonly withoutDeadMan?: boolean;
}

/** A file to lie beside the scenario. */
export interface OwnFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Whether it is refused unattended control as it stands: nothing ends a limit, and nobody has accepted that.
 * @param base a profile's name or file; of an OPC UA device its mapping file.
 */
export function needsDecision({ identity, opcua }: FoundDevice, base: string): boolean {
  if (identity.control === null || identity.deadMan.kind !== 'none') return false;
  const rules = opcua === undefined ? loadProfile(base).limit : loadMapping(base).mapping.rules;
  return rules.revertTimer === 'required';
}

/** @returns the copy, or undefined where the family's own profile will do. */
export function ownProfile(base: string, derId: string, decision: Decision): OwnFile | undefined {
  if (Object.keys(decision).length === 0 && !isProfileFile(base)) return undefined;
  return {
    name: `profile-${derId}.yaml`,
    text: decided(readFileSync(profileFile(base), 'utf8'), 'limit', decision),
  };
}

/** A mapping always lies beside its scenario. */
export function ownMapping(base: string, derId: string, decision: Decision): OwnFile {
  return { name: `mapping-${derId}.yaml`, text: decided(readFileSync(base, 'utf8'), 'rules', decision) };
}

function decided(text: string, rules: 'limit' | 'rules', { watchdog_s, withoutDeadMan }: Decision): string {
  const document = parseDocument(text);
  if (watchdog_s !== undefined) {
    document.delete('watchdog_s');
    const pair = document.createPair('watchdog_s', watchdog_s);
    pair.key.commentBefore =
      ' Set in the device by its owner: after so long without a command it drops the limit.';
    document.add(pair);
  }
  if (withoutDeadMan === true) {
    document.setIn([rules, 'revertTimer'], 'optional');
    document.comment = ` ${rules}.revertTimer: its owner accepts that nothing ends a limit when the agent dies. Somebody must be able to lift it by hand.`;
  }
  return document.toString({ lineWidth: 0 });
}
