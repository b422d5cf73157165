/**
 * How a step of a grid emulator ended (pure), in the words of the agent's verdicts: *verified* by the measured output,
 * *refused* when it stays away or the device says no, *unproven* when nobody can tell. What a setpoint reads back is
 * named and decides nothing (docs/decisions/0011-measured-power-decides.md).
 */
import { codeOf, type FieldbidError } from '@fieldbid/core/errors';
import type { CommandVerdict } from '@fieldbid/core/market/messages';
import type { EmulatorLimits } from './section.ts';

/** How far a step came. Arrays by channel that is followed. */
export interface Way {
  /** Written last, V; null: nothing. */
  readonly sent_V: readonly (number | null)[];
  readonly measured_V: readonly (number | null)[];
  /** Why the device, or the control for it, said no. */
  readonly refused?: string | undefined;
  /** Its output is open. */
  readonly off?: boolean;
  /** It did not arrive in time; what its setpoints read back then, V. */
  readonly echo_V?: readonly (number | null)[];
  /** There was no answer. */
  readonly lost?: FieldbidError;
}

export interface ChannelOutcome {
  /** By the feeder; null: it was not solved. */
  readonly asked_pu: number | null;
  readonly sent_pu: number | null;
  readonly sent_V: number | null;
  readonly measured_V: number | null;
  readonly verdict: CommandVerdict['verdict'];
  /** What was asked for lies outside of the limits. */
  readonly clamped: boolean;
  readonly note: string;
}

export interface Asked {
  readonly asked_pu: readonly (number | undefined)[];
  readonly limits: Pick<EmulatorLimits, 'low_pu' | 'high_pu' | 'tolerance_pu'>;
  readonly nominal_V: number;
}

export function channelOutcomes({ asked_pu, limits, nominal_V }: Asked, way: Way): ChannelOutcome[] {
  return asked_pu.map((asked, i) => {
    const sent_V = way.sent_V[i] ?? null;
    const measured_V = way.measured_V[i] ?? null;
    const clamped = asked !== undefined && (asked < limits.low_pu || asked > limits.high_pu);
    const [verdict, why] = decided(way, i, limits.tolerance_pu * nominal_V);
    const notes = [
      asked === undefined ? 'not solved: the last voltage stays' : '',
      clamped ? `asked for ${asked.toFixed(4)} pu, limited to ${limits.low_pu} ... ${limits.high_pu}` : '',
      why,
    ];
    return {
      asked_pu: asked ?? null,
      sent_pu: sent_V === null ? null : sent_V / nominal_V,
      ...{ sent_V, measured_V, verdict, clamped },
      note: notes.filter((note) => note !== '').join('; '),
    };
  });
}

function decided(way: Way, i: number, tolerance_V: number): [ChannelOutcome['verdict'], string] {
  // The code alone: texts of a broken connection differ from run to run, and are in the log.
  if (way.lost !== undefined) return ['unproven', `no answer (${codeOf(way.lost)})`];
  if (way.refused !== undefined) return ['refused', way.refused];
  if (way.off === true) return ['unproven', 'its output is open; nothing was set'];
  const [sent_V, measured_V] = [way.sent_V[i] ?? null, way.measured_V[i] ?? null];
  if (sent_V === null || measured_V === null) return ['unproven', 'it does not say what it delivers'];
  if (Math.abs(measured_V - sent_V) <= tolerance_V) {
    return way.echo_V === undefined ? ['verified', ''] : ['verified', 'another channel did not follow'];
  }
  const echo = way.echo_V?.[i] ?? null;
  const said = echo === null ? '' : `, reads back ${echo.toFixed(2)} V`;
  return ['refused', `told ${sent_V.toFixed(2)} V${said}, delivers ${measured_V.toFixed(2)} V`];
}
