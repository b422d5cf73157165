/**
 * An edge agent on a fast clock, against a simulated device over a real socket, with a bus in this process and a
 * scripted market around it. Nothing here depends on how fast the machine is.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { bidUid } from '@fieldbid/core/digest';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar, type Moments, moments } from '@fieldbid/core/market/calendar';
import { type Award, Bid, CommandVerdict, Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import { EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { careOf, type DeviceSetup, verdictRules } from '@fieldbid/edge-agent/agent/device-setup';
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import { type DeviceProfile, loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import Type from 'typebox';
import { type Quirks, SimulatedInverter } from '../devices/simulated-inverter.ts';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { ModbusFaultProxy } from '../faults/modbus-proxy.ts';
import { FaultRule } from '../faults/rules.ts';

const CALENDAR = parse(Calendar, { start: '2026-06-21T12:00Z', intervals: 2 }, 'test');
const SCHEDULE = moments(CALENDAR);
export const FIRST = SCHEDULE[0] as Moments;
export const SECOND = SCHEDULE[1] as Moments;
export const START_MS = FIRST.bid_ms - 60_000;
export const RATING_W = 5000;

type Answer = { accepted: boolean; code?: string; reason?: string };

export interface Lab {
  readonly inverter: SimulatedInverter;
  readonly bus: Bus;
  readonly bids: Bid[];
  readonly verdicts: CommandVerdict[];
  readonly measurements: Measurement[];
  now(): number;
  /** True power at the terminals, W. */
  power_W(): number;
  setOffline(offline: boolean): void;
  award(moment: Moments, allocation_W: number, more?: Partial<Award>): Promise<Answer>;
}

export interface LabOptions {
  readonly setup?: Partial<DeviceSetup>;
  readonly quirks?: Quirks;
  readonly receipts?: (bid: Bid) => unknown;
  /** What stands there, with its own profile or a changed one. */
  readonly family?: FamilyName;
  readonly profile?: (profile: DeviceProfile) => DeviceProfile;
  /** What happens on the way to it. */
  readonly faults?: readonly (Partial<FaultRule> & Pick<FaultRule, 'fault'>)[];
  /** Real ms for one answer. */
  readonly deadline_ms?: number;
}

/** What happens at market times, in order: the market around the agent. */
export type Script = [at_ms: number, act: (lab: Lab) => void | Promise<void>][];

export async function runLab(script: Script, options: LabOptions = {}): Promise<Lab> {
  const clock = new TimeCoordinator(START_MS);
  const director = clock.join('director');
  const exchange = new LocalExchange();
  const bus = exchange.connect();
  const inverter = new SimulatedInverter({
    serial: 'T-1',
    phases: 'A',
    rating_W: RATING_W,
    nominal_V: 240,
    now: () => clock.now(),
    available_W: () => 4000,
    quirks: options.quirks ?? {},
    ...(options.family === undefined ? {} : { family: options.family }),
  });
  const { port } = await inverter.listen('127.0.0.1', 0);
  const lab: Lab = {
    inverter,
    bus,
    bids: [],
    verdicts: [],
    measurements: [],
    now: () => clock.now(),
    power_W: () => inverter.terminalPower_W(),
    setOffline: (offline) => {
      inverter.faults.offline = offline;
    },
    award: async (moment, allocation_W, more = {}) => {
      const award: Award = {
        derId: 'pv-1',
        intervalId: moment.interval.id,
        start_ms: moment.interval.start_ms,
        end_ms: moment.interval.end_ms,
        bidUid: bidUid('pv-1', moment.interval.id, 'energy'),
        allocation_W,
        price_uUSD_per_MWh: 40_000_000,
        reason: 'CLEARED',
        ...more,
      };
      return (await bus.request(topics.awards('pv-1'), award, 5000)) as unknown as Answer;
    },
  };
  await bus.respond(topics.bids('dera-1'), async ({ topic, message }) => {
    const bid = parse(Bid, message, topic);
    lab.bids.push(bid);
    return options.receipts === undefined ? { uid: bid.uid, accepted: true } : options.receipts(bid);
  });
  await bus.subscribe(topics.verdicts('pv-1'), ({ topic, message }) => {
    lab.verdicts.push(parse(CommandVerdict, message, topic));
  });
  await bus.subscribe(topics.measurements('pv-1'), ({ topic, message }) => {
    lab.measurements.push(parse(Measurement, message, topic));
  });
  const family = FAMILIES[options.family ?? 'generic-1xx'];
  const profile = (options.profile ?? ((p: DeviceProfile) => p))(loadProfile(family.profile));
  const proxy =
    options.faults === undefined
      ? undefined
      : new ModbusFaultProxy({
          ...{
            target: { host: '127.0.0.1', port },
            rules: parse(Type.Array(FaultRule), options.faults, 'test'),
            seed: 'lab',
            now: () => clock.now(),
          },
        });
  const reached = proxy === undefined ? port : (await proxy.listen('127.0.0.1', 0)).port;
  const { device } = openRegisterDevice({
    endpoint: `tcp://127.0.0.1:${reached}?unit=${family.unit}`,
    profile: { ...profile, modbus: { ...profile.modbus, gap_ms: 0, connectDelay_ms: 0 } },
    now: () => clock.now(),
    deadline_ms: options.deadline_ms ?? 60_000,
  });
  const agent = new EdgeAgent({
    agentId: 'agent-1',
    deraId: 'dera-1',
    bus: exchange.connect(),
    timeFor: (name) => clock.join(name),
    calendar: CALENDAR,
    forecast: { at: () => 30_000_000 },
    devices: [
      {
        derId: 'pv-1',
        deviceIds: ['inv-1'],
        device,
        riskFactor_pct: 10,
        rules: verdictRules(profile, 90),
        ...careOf(profile),
        revert_s: 1200,
        withoutAward: 'default',
        defaultLimit_W: null,
        ...options.setup,
      },
    ],
    cycle_ms: 60_000,
    log: silentLogger(),
  });
  await agent.start();
  for (const [at_ms, act] of script) {
    await director.requestTime(at_ms);
    await act(lab);
  }
  director.close();
  await agent.done();
  await agent.stop();
  await proxy?.close();
  await inverter.close();
  await new Promise((resolve) => setImmediate(resolve)); // the local bus delivers in the next turn
  return lab;
}

/** So many seconds after an interval's start, market epoch ms. */
export const second = (moment: Moments, offset_s: number): number =>
  moment.interval.start_ms + offset_s * 1000;
