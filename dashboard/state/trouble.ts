/** What is wrong now, in sentences, the gravest first: an operator reads this line before anything else. */
import type { FaultMark } from '@fieldbid/core/lab/faults';
import type { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type { AgentState } from '@fieldbid/core/market/messages';
import type { DerRow, HealthView, IntervalRow, Trouble } from './view.ts';

export interface Seen {
  readonly lab: LabDescription | undefined;
  readonly grid: GridState | undefined;
  readonly agents: readonly AgentState[];
  readonly faults: readonly FaultMark[];
  readonly ders: readonly DerRow[];
  /** Those that are over or in force, the latest last. */
  readonly intervals: readonly IntervalRow[];
  readonly health: HealthView;
  readonly disagreed: readonly string[];
}

const MOST_NAMES = 3;
/** Intervals that are still of interest: what failed this morning stands in their list. */
const RECENT = 8;

export function troubleIn({
  lab,
  grid,
  agents,
  faults,
  ders,
  intervals,
  health,
  disagreed,
}: Seen): Trouble[] {
  const found: Trouble[] = [];
  const bad = (text: string): void => void found.push({ level: 'bad', text });
  const warn = (text: string): void => void found.push({ level: 'warn', text });
  if (health.broker === 'lost') bad('The broker is away: nothing here is new.');
  if (grid !== undefined && lab !== undefined) {
    if (grid.voltages_upu.length === 0) bad('The feeder could not be solved.');
    const outside = lab.nodes.filter((_, i) => isOutside(grid.voltages_upu[i], lab.limits_pu));
    if (outside.length > 0) bad(`Voltage outside its limits at ${some(outside)}.`);
  }
  if (health.gateway === 'down') bad(`The BC-GW does not answer: ${health.gatewayFault}`);
  if (health.ledger === 'down' || health.store === 'down')
    bad('The BC-GW says that its ledger or store is down.');
  const failed = intervals
    .slice(-RECENT)
    .filter(({ completed }) => completed === false)
    .map(({ intervalId }) => intervalId);
  if (failed.length > 0) bad(`Not completed: ${some(failed.reverse())}.`);
  const engine = intervals.at(-1)?.decision?.outcome === 'ENGINE_UNAVAILABLE';
  if (engine) bad('The DSO has no power flow: it approves nothing.');
  const dead = agents.filter(({ alive }) => !alive).map(({ agentId }) => agentId);
  if (dead.length > 0)
    warn(`${dead.length === 1 ? 'An agent is' : `${dead.length} agents are`} away: ${some(dead)}.`);
  const refused = ders.filter(({ verdict }) => verdict !== null && verdict.verdict !== 'verified');
  if (refused.length > 0) {
    warn(
      `Command not proved: ${some(refused.map(({ derId, verdict }) => `${derId} (${verdict?.verdict})`))}.`,
    );
  }
  const inForce = faults.filter(({ outcome }) => outcome === 'injected');
  if (inForce.length > 0) {
    warn(
      `Fault injected: ${some(inForce.map(({ order }) => `${order.fault}${order.target === undefined ? '' : ` at ${order.target}`}`))}.`,
    );
  }
  if (disagreed.length > 0) warn(`Settlement without the ISO’s agreement: ${some(disagreed)}.`);
  if (health.wrongMessages > 0) warn(`${health.wrongMessages} messages were not what their topic says.`);
  return found;
}

function isOutside(voltage_upu: number | undefined, [low, high]: readonly [number, number]): boolean {
  return voltage_upu !== undefined && (voltage_upu < low * 1e6 || voltage_upu > high * 1e6);
}

function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
