/** What the wizard knows of a device that it has found, and of an address where it has found none. */
import { basename } from 'node:path';
import type { DerIdentity, DerReading } from '@fieldbid/edge-agent/device/der-device';
import type { Finding } from '@fieldbid/edge-agent/doctor/finding';
import type { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { DUMP } from '../scenario/schema.ts';

export interface Proposal {
  /** Name of a profile, or its file; of an OPC UA device its mapping file. */
  readonly profile: string;
  /** Why this one. */
  readonly reason: string;
  /** Others whose rule fits as well, the better first. */
  readonly others: readonly string[];
}

export interface FoundDevice {
  /** As a scenario names it: an endpoint, or `dump:FILE`. */
  readonly device: string;
  /** Where it answers now. */
  readonly endpoint: string;
  /** Other addresses under which the same device answers. */
  readonly alsoAt: readonly string[];
  readonly identity: DerIdentity;
  readonly reading: DerReading;
  readonly sunspecModels: readonly number[];
  readonly proposal: Proposal;
  /** The doctor's, for this profile. */
  readonly findings: readonly Finding[];
  /** Of an OPC UA device. */
  readonly opcua?: OpcUaAccess;
}

/** An address without a device that could be used, why, and what to do. */
export interface NotFound {
  readonly address: string;
  readonly why: string;
  readonly todo: string;
}

export function isNotFound(one: FoundDevice | NotFound): one is NotFound {
  return 'todo' in one;
}

/** Maker, model and serial, as far as it says them. */
export function whoIs({ manufacturer, model, serial }: DerIdentity): string {
  const name = [manufacturer, model].filter(Boolean).join(' ') || 'a device that does not name itself';
  return serial === null ? name : `${name}, serial ${serial}`;
}

/** How a person may name it on the command line: by serial number, or by address. */
export function keysOf({ identity, device, endpoint, alsoAt }: FoundDevice): string[] {
  return [identity.serial ?? '', device, endpoint, ...alsoAt].filter(Boolean);
}

/** Phases that it has, by its voltages; 0 where it does not say them. */
export function phasesOf({ reading }: FoundDevice): number {
  return reading.voltages_V.length;
}

/** For tables: of a dump only the name of its file. */
export function shortAddress(device: string): string {
  return device.startsWith(DUMP) ? `${DUMP}${basename(device)}` : device;
}
