/** A scenario's timeline of faults: as it stands in the file, and checked against the scenario before anything starts. */
import { locate } from '@fieldbid/core/config';
import { describeFound, InputError } from '@fieldbid/core/errors';
import { intervalOf, MINUTE_ID, MINUTE_MS } from '@fieldbid/core/interval';
import { type FaultKind, FaultOrder } from '@fieldbid/core/lab/faults';
import { type Calendar, moments } from '@fieldbid/core/market/calendar';
import Type, { type Static } from 'typebox';

/** One entry of a scenario's `faults`. */
export const FaultEntry = Type.Object(
  {
    /** Market time, such as 2026-06-21T11:31Z. */
    at: Type.String({ pattern: MINUTE_ID }),
    ...FaultOrder.properties,
  },
  { additionalProperties: false },
);
export type FaultEntry = Static<typeof FaultEntry>;

export interface TimelineFault {
  readonly at_ms: number;
  /** Absent: to the end of the day. */
  readonly until_ms?: number;
  readonly order: FaultOrder;
}

/** In the order of the file. Instants are market time, epoch ms. */
export function timelineOf(entries: readonly FaultEntry[]): TimelineFault[] {
  return entries.map(({ at, ...order }) => {
    const at_ms = intervalOf(at, 1).start_ms;
    const { duration_min } = order;
    return {
      at_ms,
      order,
      ...(duration_min === undefined ? {} : { until_ms: at_ms + duration_min * MINUTE_MS }),
    };
  });
}

type Needs = 'device' | 'modbus' | 'line' | 'agent' | 'fabric' | 'nothing';
const NEEDS: Record<FaultKind, Needs> = {
  'device-offline': 'device',
  'device-frozen': 'device',
  'device-ignores-limit': 'device',
  'device-noise': 'modbus',
  'answers-late': 'line',
  'answers-corrupt': 'line',
  'answers-wrong-id': 'line',
  'agent-power-loss': 'agent',
  'agent-clock-step': 'agent',
  'broker-killed': 'nothing',
  'gateway-killed': 'nothing',
  'ledger-peer-killed': 'fabric',
  'orderer-killed': 'fabric',
  'dso-engine-killed': 'nothing',
};

/** What a fault says of its target's device. */
interface Der {
  readonly derId: string;
  readonly device: string;
  readonly protocol: string;
  readonly faults?: readonly unknown[];
}

/**
 * What a schema cannot say: times in the day, targets that exist and can have the fault.
 * @throws InputError naming `source`, the entry's path, what was found and what is expected.
 */
export function checkTimeline(
  entries: readonly FaultEntry[],
  { calendar, ders }: { calendar: Calendar; ders: readonly Der[] },
  source: string,
): void {
  const schedule = moments(calendar);
  const start_ms = schedule[0]?.interval.start_ms ?? 0;
  const end_ms = schedule.at(-1)?.interval.end_ms ?? 0;
  const day = [start_ms, end_ms].map((t_ms) => `${new Date(t_ms).toISOString().slice(0, 16)}Z`).join(' … ');
  entries.forEach((entry, i) => {
    const wrong = (key: keyof FaultEntry, found: string, expected: string) =>
      new InputError({ source, path: `/faults/${i}/${key}`, found, expected });
    const at_ms = minuteOf(entry.at);
    if (at_ms === undefined) throw wrong('at', describeFound(entry.at), 'a minute that exists, in UTC');
    if (at_ms < start_ms || at_ms >= end_ms) throw wrong('at', entry.at, `a minute of the run’s day, ${day}`);
    const { fault, target } = entry;
    const needs = NEEDS[fault];
    if (needs === 'nothing' && target !== undefined)
      throw wrong('target', target, `none: ${fault} has no target`);
    if (needs === 'fabric' && target === undefined)
      throw wrong('target', 'none', 'a process of the network: orderer, peer-dso, …');
    if (needs !== 'nothing' && needs !== 'fabric') {
      const fitting = ders.filter((der) => can(der, needs)).map(({ derId }) => derId);
      if (target === undefined || !fitting.includes(target)) {
        const which = { device: 'simulated', modbus: 'simulated, Modbus', agent: 'any' };
        const kind = needs === 'line' ? 'simulated, Modbus, without faults of its own' : which[needs];
        throw wrong('target', target ?? 'none', `a DER (${kind}): ${fitting.join(', ')}`);
      }
    }
    if (entry.delay_ms !== undefined && fault !== 'answers-late')
      throw wrong('delay_ms', `it for ${fault}`, 'it for answers-late only');
    if ((entry.step_s !== undefined) !== (fault === 'agent-clock-step'))
      throw wrong(
        'step_s',
        entry.step_s === undefined ? 'none' : `it for ${fault}`,
        'it for agent-clock-step',
      );
    if (entry.duration_min !== undefined && fault === 'dso-engine-killed')
      throw wrong('duration_min', String(entry.duration_min), 'none: the DSO starts another at once');
  });
}

/** Faults of programs: what somebody does who has them as processes of their own, where no bench can strike them. */
const BY_HAND: Partial<Record<FaultKind, string>> = {
  'agent-power-loss': 'end its edge agent with SIGKILL',
  'agent-clock-step': 'set the clock of its machine',
  'broker-killed': 'end the broker',
  'gateway-killed': 'end the BC-GW with SIGKILL',
  'ledger-peer-killed': 'end that peer',
  'orderer-killed': 'end that orderer',
  'dso-engine-killed': 'end the power flow’s process below fieldbid dso',
};

/**
 * Where the programs are processes of their own the bench has the devices and their lines, and nothing else.
 * @param file of the scenario. @throws InputError that names every fault of a program, its line, and what to do instead.
 */
export function refuseFaultsOfPrograms(entries: readonly FaultEntry[], file: string): void {
  const elsewhere = entries.flatMap(({ fault, at, target }, i) => {
    const instead = BY_HAND[fault];
    if (instead === undefined) return [];
    const what = [fault, target].filter((part) => part !== undefined).join(' ');
    return [{ i, text: `${what} (${locate(file, `/faults/${i}`)}: at ${at} ${instead})` }];
  });
  const [first] = elsewhere;
  if (first === undefined) return;
  throw new InputError({
    source: locate(file, `/faults/${first.i}`),
    path: `/faults/${first.i}/fault`,
    found: `faults of programs that run elsewhere: ${elsewhere.map(({ text }) => text).join('; ')}`,
    expected: 'faults of devices and their lines alone (the others by hand), or all of them in fieldbid run',
  });
}

/** Whether one of them is of a Fabric network. */
export function needsNetwork(entries: readonly FaultEntry[]): boolean {
  return entries.some(({ fault }) => NEEDS[fault] === 'fabric');
}

/** @throws InputError for a fault of a ledger that the run has not. */
export function checkLedgerFaults(
  entries: readonly FaultEntry[],
  hasOwnNetwork: boolean,
  source: string,
): void {
  const i = entries.findIndex(({ fault }) => NEEDS[fault] === 'fabric');
  if (i < 0 || hasOwnNetwork) return;
  throw new InputError({
    source,
    path: `/faults/${i}/fault`,
    found: `${entries[i]?.fault} in a run without a Fabric network of its own`,
    expected: '--ledger fabric, without --fabric-profile',
  });
}

function can({ device, protocol, faults = [] }: Der, needs: Needs): boolean {
  if (needs === 'agent') return true;
  if (device !== 'simulated') return false;
  return needs === 'device' || (protocol === 'modbus' && (needs === 'modbus' || faults.length === 0));
}

function minuteOf(text: string): number | undefined {
  try {
    return intervalOf(text, 1).start_ms;
  } catch {
    return undefined;
  }
}
