/**
 * Step 12 · How a command ended, decided by measured power within a deadline. The register's echo alone proves
 * nothing: inverters are known that read back a limit and go on as before.
 */
import type { Award, CommandVerdict } from '@fieldbid/core/market/messages';
import type { DerReading, DeviceRefused, LimitWritten } from '../device/der-device.ts';

export interface VerdictRules {
  /** Market ms from the write until power has followed. */
  readonly settle_ms: number;
  /** Market ms from the first attempt within which the command must be proved. */
  readonly deadline_ms: number;
  /** Power above the limit that still counts as obeyed, percent of rating. */
  readonly tolerance_pct: number;
}

/** What an award says that a device has to do with; a limit by hand has no more. */
export type Commanded = Pick<Award, 'derId' | 'intervalId' | 'allocation_W'>;

/** A command under way. */
export interface Command {
  readonly award: Commanded;
  readonly correlationId: string;
  /** First attempt, market epoch ms. */
  readonly since_ms: number;
  /** When it was written, market epoch ms; undefined: not yet. */
  writtenAt_ms: number | undefined;
  result: LimitWritten | DeviceRefused | undefined;
  /** Real ms from the grant of the cycle to the end of the write. */
  write_ms: number | null;
  /** Last reason for which nothing could be written. */
  trouble: string | undefined;
  /** Power in the image that the command was given on, W: what it drops from. */
  readonly before_W: number | null;
  /** Last fresh measurement above the limit. */
  tooMuch_W: number | null;
  /** The last image contradicted the command, and its power was too low to tell. */
  contradiction: string | undefined;
}

export function newCommand(
  award: Commanded,
  correlationId: string,
  since_ms: number,
  before_W: number | null,
): Command {
  return {
    award,
    correlationId,
    since_ms,
    writtenAt_ms: undefined,
    result: undefined,
    write_ms: null,
    trouble: undefined,
    before_W,
    tooMuch_W: null,
    contradiction: undefined,
  };
}

type Decided = Pick<CommandVerdict, 'verdict' | 'reason' | 'measured_W' | 'binding'>;

/** Share of the limit that must be delivered for it to count as the thing that holds power back. */
const BINDING_SHARE = 0.97;

/**
 * @param reading the newest image; undefined when the device did not answer this cycle.
 * @returns undefined while it is still open.
 */
export function decide(
  command: Command,
  reading: DerReading | undefined,
  now_ms: number,
  rules: VerdictRules,
): CommandVerdict | undefined {
  const decided =
    fromResult(command) ?? fromMeasurement(command, reading, rules) ?? atDeadline(command, now_ms, rules);
  if (decided === undefined) return undefined;
  const written = command.result?.outcome === 'written' ? command.result : undefined;
  return {
    derId: command.award.derId,
    intervalId: command.award.intervalId,
    correlationId: command.correlationId,
    ...decided,
    allocation_W: command.award.allocation_W,
    commanded_pct: written?.commanded_pct ?? null,
    readBack_pct: written?.readBack?.pct ?? null,
    decidedAt_ms: Math.floor(now_ms),
    write_ms: command.write_ms,
  };
}

/** The device said no. What it reads back is no verdict: inverters are known that read back 0 and obey, or not. */
function fromResult({ result }: Command): Decided | undefined {
  if (result?.outcome !== 'refused') return undefined;
  return { verdict: 'refused', reason: `${result.code}: ${result.reason}`, measured_W: null, binding: false };
}

/** Obeyed, as a measurement taken after settling shows. */
function fromMeasurement(
  command: Command,
  reading: DerReading | undefined,
  rules: VerdictRules,
): Decided | undefined {
  const measured = measuredAgainst(command, reading, rules);
  if (measured === undefined) return undefined;
  const { power_W, limit_W, tooMuch, binding, floor_pct, contradiction } = measured;
  command.contradiction = tooMuch || binding ? undefined : contradiction;
  command.tooMuch_W = tooMuch ? power_W : null;
  if (tooMuch || command.contradiction !== undefined) return undefined;
  const floor = floor_pct === null ? '' : `, held at the profile's floor of ${floor_pct} %`;
  const echo = contradiction === undefined ? '' : `, although it reads back ${contradiction}`;
  return {
    verdict: 'verified',
    reason: `delivers ${Math.round(power_W)} W, limit ${Math.round(limit_W)} W${floor}${echo}`,
    measured_W: power_W,
    binding,
  };
}

/**
 * A command that was verified may still be broken later in its interval: while the sun was low, the limit was
 * not put to the test. The later measurement counts.
 */
export function brokenLater(
  command: Command,
  verified: CommandVerdict,
  reading: DerReading | undefined,
  now_ms: number,
  rules: VerdictRules,
): CommandVerdict | undefined {
  const measured = measuredAgainst(command, reading, rules);
  if (measured?.tooMuch !== true) return undefined;
  const { power_W, limit_W } = measured;
  return {
    ...verified,
    verdict: 'refused',
    reason: `obeyed at first, then delivers ${Math.round(power_W)} W, limit ${Math.round(limit_W)} W`,
    measured_W: power_W,
    binding: false,
    decidedAt_ms: Math.floor(now_ms),
  };
}

/** A fresh measurement beside the limit; undefined when there is none since the limit has settled. */
function measuredAgainst(
  { award, result, writtenAt_ms, before_W }: Command,
  reading: DerReading | undefined,
  rules: VerdictRules,
) {
  if (result?.outcome !== 'written' || writtenAt_ms === undefined || reading?.power_W == null)
    return undefined;
  if (reading.readAt_ms < writtenAt_ms + rules.settle_ms) return undefined;
  const { power_W } = reading;
  const rating_W = reading.rating_W ?? 0;
  // A profile's floor may hold the device above its allocation: that is what was commanded, and it is said.
  const limit_W = result.raisedToFloor ? (result.commanded_pct / 100) * rating_W : award.allocation_W;
  const most_W = limit_W + (rules.tolerance_pct / 100) * rating_W;
  const tooMuch = power_W > most_W;
  const held = (reading.available_W ?? 0) > limit_W || (limit_W > 0 && power_W >= BINDING_SHARE * limit_W);
  const dropped = before_W !== null && before_W > most_W;
  return {
    power_W,
    limit_W,
    tooMuch,
    /** The limit is what holds the power back: obeying can be told from a low sun. */
    binding: !tooMuch && (held || dropped),
    floor_pct: result.raisedToFloor ? result.commanded_pct : null,
    contradiction: contradictionOf(result, reading.limit),
  };
}

/** What the device reads back, where that is not what it was told. */
function contradictionOf(written: LimitWritten, now: DerReading['limit']): string | undefined {
  const limit = now ?? written.readBack;
  if (limit === null) return undefined;
  const same = Math.abs(limit.pct - written.commanded_pct) <= written.step_pct / 2 + 1e-9;
  if (same && limit.enabled) return undefined;
  return `${limit.pct} %${limit.enabled ? '' : ', not enabled'}`;
}

function atDeadline(command: Command, now_ms: number, rules: VerdictRules): Decided | undefined {
  if (now_ms < command.since_ms + rules.deadline_ms) return undefined;
  const { result, tooMuch_W, trouble, contradiction } = command;
  if (tooMuch_W !== null && result?.outcome === 'written') {
    const pct = result.readBack?.pct ?? result.commanded_pct;
    const reason = `reads back ${pct} % but delivers ${Math.round(tooMuch_W)} W, allocated ${command.award.allocation_W} W`;
    return { verdict: 'refused', reason, measured_W: tooMuch_W, binding: false };
  }
  if (contradiction !== undefined && result?.outcome === 'written') {
    const reason = `commanded ${result.commanded_pct} %, reads back ${contradiction}, and delivers too little to tell`;
    return { verdict: 'unproven', reason, measured_W: null, binding: false };
  }
  const reason =
    result === undefined
      ? `could not be written: ${trouble ?? 'no connection'}`
      : `written, but no measurement since: ${trouble ?? 'the device does not say its power'}`;
  return { verdict: 'unproven', reason, measured_W: null, binding: false };
}
