/**
 * Device families as data: one YAML file says what a family of devices needs to be handled well. The engine
 * has no branch for any of them.
 */
import { readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import Type, { type Static } from 'typebox';
import { RegisterMapSchema } from './register-map.ts';

const closed = { additionalProperties: false } as const;
const withDefaults = { ...closed, default: {} };

/** Ways to limit a device; `registers` are those of the profile. */
export const CONTROL_PATHS = [
  'auto',
  'sunspec-704',
  'sunspec-704-set',
  'sunspec-123',
  'sunspec-124',
  'registers',
  'none',
] as const;
export type ControlPath = (typeof CONTROL_PATHS)[number];

export const DeviceProfile = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }),
    /** For people: which devices. */
    title: Type.String({ default: '' }),
    /** Which devices it fits: regular expressions on manufacturer and model; the models it must have. */
    match: Type.Object(
      {
        manufacturer: Type.String({ default: '.*' }),
        model: Type.String({ default: '.*' }),
        sunspecModels: Type.Array(Type.Integer({ minimum: 1, maximum: 65_534 }), { default: [] }),
        /** Where it must have one of several. */
        anySunspecModel: Type.Array(Type.Integer({ minimum: 1, maximum: 65_534 }), { default: [] }),
      },
      withDefaults,
    ),
    modbus: Type.Object(
      {
        /** Where to look for the marker, in this order; all usual places by default. */
        bases: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 65_533 }), { minItems: 1 })),
        maxRead: Type.Integer({ minimum: 2, maximum: 125, default: 125 }),
        /** Registers that nobody asked for may be read along, up to so many in a row; any number by default. */
        widestGap: Type.Optional(Type.Integer({ minimum: 0, maximum: 125 })),
        /** Real ms for one answer, and of silence between requests. */
        deadline_ms: Type.Integer({ minimum: 10, maximum: 60_000, default: 2000 }),
        gap_ms: Type.Integer({ minimum: 0, maximum: 10_000, default: 0 }),
        /** Real ms of silence after connecting, for devices that do not listen at once. */
        connectDelay_ms: Type.Integer({ minimum: 0, maximum: 30_000, default: 0 }),
        /** Gateways are known that answer with transaction ids of their own. */
        anyTransactionId: Type.Boolean({ default: false }),
        /** `auto` tries 16 (several at once) and learns 6 (one by one) when the device refuses it. */
        writeFunction: Type.Enum(['auto', 6, 16], { default: 'auto' }),
      },
      withDefaults,
    ),
    limit: Type.Object(
      {
        /** Never command less than this, percent of WMax: some inverters go into standby at 0 %. */
        floor_pct: Type.Number({ minimum: 0, maximum: 100, default: 0 }),
        /** Market seconds after which the power has followed a new limit. */
        settle_s: Type.Integer({ minimum: 0, maximum: 600, default: 10 }),
        /** Power may exceed the limit by this share of the rating and still count as obeyed. */
        tolerance_pct: Type.Number({ minimum: 0, maximum: 20, default: 1 }),
        /** `required`: a device without a revert timer is not controlled unattended. */
        revertTimer: Type.Enum(['required', 'optional'], { default: 'required' }),
      },
      withDefaults,
    ),
    /** Which registers limit it: found by itself (704 before 123), one of SunSpec's ways, or those below. */
    control: Type.Enum([...CONTROL_PATHS], { default: 'auto' }),
    /** The family's own registers; what is here goes before SunSpec's. */
    registers: Type.Optional(RegisterMapSchema),
    /** False: the device has no SunSpec models at all, only the registers above. */
    sunspec: Type.Boolean({ default: true }),
    /** What the device does by itself when the agent dies and its timer ends. */
    safeState: Type.Enum(['uncontrolled', 'limited', 'off'], { default: 'uncontrolled' }),
    /** Limit after the revert timer, percent, where the device takes one from us. */
    revertTo_pct: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    /** The device's own time-out for silence, set on it at commissioning, s. */
    watchdog_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
    /** Seconds between two signs of life (715.ControllerHb, 802.CtrlHb); 0: none. */
    heartbeat_s: Type.Integer({ minimum: 0, maximum: 60, default: 0 }),
    wear: Type.Object(
      {
        /** Points kept in flash, by name (`123.WMaxLimPct`, or as in `registers`): never written in operation. */
        flash: Type.Array(Type.String(), { default: [] }),
        /** Writes of one register a day, at most. */
        writesPerDay: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 200 }),
      },
      withDefaults,
    ),
    /** Whether its makers ever saw such a device: never, a dump of its registers, or the device itself. */
    seen: Type.Enum(['never', 'dump', 'device'], { default: 'never' }),
    /** Where the facts in it are from. */
    sources: Type.Array(Type.String(), { default: [] }),
    /** What a person should know. */
    notes: Type.Array(Type.String(), { default: [] }),
  },
  closed,
);
export type DeviceProfile = Static<typeof DeviceProfile>;

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
export const DEFAULT_PROFILE = 'generic-1xx';

/**
 * A profile by name (one of ours) or by the path of a YAML file.
 * @throws InputError naming the file and the fault, or the profiles that exist.
 */
export function loadProfile(
  nameOrFile: string = DEFAULT_PROFILE,
  beside: string = process.cwd(),
): DeviceProfile {
  if (isProfileFile(nameOrFile)) {
    return checked(isAbsolute(nameOrFile) ? nameOrFile : resolve(beside, nameOrFile));
  }
  const names = profileNames();
  if (!names.includes(nameOrFile)) {
    throw new InputError({
      source: 'device profile',
      path: '',
      found: JSON.stringify(nameOrFile),
      expected: `one of ${names.join(', ')}, or the path of a .yaml file`,
    });
  }
  return checked(profileFile(nameOrFile));
}

/** Profiles that come with the agent. */
export function profileNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.replace(/\.yaml$/, ''))
    .sort();
}

/** Why the profile does not fit the device; undefined when it does. */
export function mismatch(
  profile: DeviceProfile,
  device: { manufacturer: string | null; model: string | null; sunspecModels: readonly number[] },
): string | undefined {
  const { match, name } = profile;
  for (const key of ['manufacturer', 'model'] as const) {
    if (!new RegExp(match[key]).test(device[key] ?? '')) {
      return `profile ${name} is for ${key} ${match[key]}, this is ${device[key] ?? 'not said'}`;
    }
  }
  const absent = match.sunspecModels.filter((id) => !device.sunspecModels.includes(id));
  if (absent.length > 0) return `profile ${name} needs SunSpec ${absent.join(', ')}, not found`;
  const { anySunspecModel: any } = match;
  if (any.length === 0 || any.some((id) => device.sunspecModels.includes(id))) return undefined;
  return `profile ${name} needs SunSpec ${any.join(' or ')}, not found`;
}

/** Whether a profile is named by the path of a file, and not by one of our names. */
export function isProfileFile(nameOrFile: string): boolean {
  return /\.ya?ml$/.test(nameOrFile);
}

/** A profile as a config file names it: one of ours by its name, a file relative to that config file. */
export function profileBeside(configFile: string, nameOrFile: string): string {
  return isProfileFile(nameOrFile) ? besideFile(configFile, nameOrFile) : nameOrFile;
}

/** The file of a profile that comes with the agent, or of one that is named by its path. */
export function profileFile(nameOrFile: string): string {
  return isProfileFile(nameOrFile) ? resolve(nameOrFile) : join(FOLDER, `${nameOrFile}.yaml`);
}

function checked(file: string): DeviceProfile {
  const profile = readConfig(DeviceProfile, file);
  for (const key of ['manufacturer', 'model'] as const) {
    try {
      new RegExp(profile.match[key]);
    } catch (cause) {
      const found = JSON.stringify(profile.match[key]);
      throw new InputError(
        { source: file, path: `/match/${key}`, found, expected: 'a regular expression' },
        { cause },
      );
    }
  }
  return profile;
}
