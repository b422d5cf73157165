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

/** A command under way. */
export interface Command {
  readonly award: Award;
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
  /** Last fresh measurement above the limit. */
  tooMuch_W: number | null;
}

export function newCommand(award: Award, correlationId: string, since_ms: number): Command {
  return {
    award,
    correlationId,
    since_ms,
    writtenAt_ms: undefined,
    result: undefined,
    write_ms: null,
    trouble: undefined,
    tooMuch_W: null,
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

/** The device said no, or reads back something else. */
function fromResult({ result }: Command): Decided | undefined {
  if (result === undefined) return undefined;
  if (result.outcome === 'refused') {
    return {
      verdict: 'refused',
      reason: `${result.code}: ${result.reason}`,
      measured_W: null,
      binding: false,
    };
  }
  if (result.readBack !== null && !result.echoes) {
    const { pct, enabled } = result.readBack;
    const reason = `commanded ${result.commanded_pct} %, reads back ${pct} %${enabled ? '' : ', not enabled'}`;
    return { verdict: 'refused', reason, measured_W: null, binding: false };
  }
  return undefined;
}

/** Obeyed, as a measurement taken after settling shows. */
function fromMeasurement(
  command: Command,
  reading: DerReading | undefined,
  rules: VerdictRules,
): Decided | undefined {
  const measured = measuredAgainst(command, reading, rules);
  if (measured === undefined) return undefined;
  const { power_W, limit_W, tooMuch, available_W, floor_pct } = measured;
  if (tooMuch) {
    command.tooMuch_W = power_W;
    return undefined;
  }
  const binding = available_W > limit_W || (limit_W > 0 && power_W >= BINDING_SHARE * limit_W);
  const floor = floor_pct === null ? '' : `, held at the profile's floor of ${floor_pct} %`;
  return {
    verdict: 'verified',
    reason: `delivers ${Math.round(power_W)} W, limit ${Math.round(limit_W)} W${floor}`,
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
  { award, result, writtenAt_ms }: Command,
  reading: DerReading | undefined,
  rules: VerdictRules,
) {
  if (result?.outcome !== 'written' || writtenAt_ms === undefined || reading?.power_W == null)
    return undefined;
  if (reading.readAt_ms < writtenAt_ms + rules.settle_ms) return undefined;
  const rating_W = reading.rating_W ?? 0;
  // A profile's floor may hold the device above its allocation: that is what was commanded, and it is said.
  const limit_W = result.raisedToFloor ? (result.commanded_pct / 100) * rating_W : award.allocation_W;
  return {
    power_W: reading.power_W,
    limit_W,
    tooMuch: reading.power_W > limit_W + (rules.tolerance_pct / 100) * rating_W,
    available_W: reading.available_W ?? 0,
    floor_pct: result.raisedToFloor ? result.commanded_pct : null,
  };
}

function atDeadline(command: Command, now_ms: number, rules: VerdictRules): Decided | undefined {
  if (now_ms < command.since_ms + rules.deadline_ms) return undefined;
  const { result, tooMuch_W, trouble } = command;
  if (tooMuch_W !== null && result?.outcome === 'written') {
    const pct = result.readBack?.pct ?? result.commanded_pct;
    const reason = `reads back ${pct} % but delivers ${Math.round(tooMuch_W)} W, allocated ${command.award.allocation_W} W`;
    return { verdict: 'refused', reason, measured_W: tooMuch_W, binding: false };
  }
  const reason =
    result === undefined
      ? `could not be written: ${trouble ?? 'no connection'}`
      : `written, but no measurement since: ${trouble ?? 'the device does not say its power'}`;
  return { verdict: 'unproven', reason, measured_W: null, binding: false };
}
