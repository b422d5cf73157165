/** `fieldbid run --clock helics`: which members a run has, by scenario and command line, and where they run. */
import type { Command } from '@fieldbid/core/cli/command';
import { InputError } from '@fieldbid/core/errors';
import { CONSENT_OPTION } from '../commissioning/consent.ts';
import { refuseElsewhere } from '../emulator/check.ts';
import { nextBrokerFromStarter, reportToStarter } from '../helics/processes/member-process.ts';
import { superviseRun } from '../helics/processes/supervise.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import type { FederationChoice } from './medium.ts';
import type { ScenarioOptions } from './options.ts';

/** Real ms in which grid emulators are walked back to their safe state. */
const WALK_BACK_MS = 30_000;

export type ClockSource = 'fast' | 'realtime' | 'helics';

export interface HelicsOptions {
  processes?: boolean;
  elsewhere?: string;
  observers?: number;
  brokerListen?: string;
}

/** The clock that command line and scenario name; ends the command where its other options do not go with it. */
export function clockOf(
  options: HelicsOptions & { clock?: ClockSource; realtime?: boolean; speed?: number; broker?: string },
  { scenario }: LoadedScenario,
  command: Command,
): ClockSource {
  if (options.realtime === true && options.clock !== undefined && options.clock !== 'realtime') {
    command.error(`fieldbid: --realtime does not go with --clock ${options.clock}`);
  }
  const clock = options.realtime === true ? 'realtime' : (options.clock ?? scenario.clock.source);
  if (options.speed !== undefined && clock === 'fast') {
    command.error(
      'fieldbid: --speed needs --realtime or --clock helics (without it the day runs as fast as it can)',
    );
  }
  const { processes, elsewhere, observers, brokerListen } = options;
  if (clock !== 'helics' && (processes ?? elsewhere ?? observers ?? brokerListen) !== undefined) {
    command.error('fieldbid: --processes, --elsewhere, --observers and --broker-listen need --clock helics');
  }
  if (clock === 'helics' && options.broker !== undefined) {
    command.error('fieldbid: --broker names an MQTT broker, and with --clock helics there is none');
  }
  return clock;
}

interface Members {
  readonly derIds: string[];
  readonly ownProcess: string[];
  readonly elsewhere: string[];
}

/** @throws InputError for a DER that the scenario has not. */
function membersOf({ file, scenario }: LoadedScenario, options: HelicsOptions): Members {
  const derIds = scenario.ders.map(({ derId }) => derId);
  const asked = options.elsewhere?.split(',') ?? scenario.clock.helics.elsewhere;
  const elsewhere = asked.length === 1 && asked[0] === 'all' ? derIds : asked;
  const unknown = elsewhere.find((derId) => !derIds.includes(derId));
  if (unknown !== undefined) {
    const source = options.elsewhere === undefined ? file : '--elsewhere';
    throw new InputError({
      source,
      path: '',
      found: unknown,
      expected: `all, or DERs of ${derIds.join(', ')}`,
    });
  }
  const own = options.processes === true || scenario.clock.helics.processes || elsewhere.length > 0;
  return { derIds, elsewhere, ownProcess: own ? derIds.filter((derId) => !elsewhere.includes(derId)) : [] };
}

/** DERs that run on other machines: who starts them there is asked there. @throws InputError. */
export function elsewhereOf(loaded: LoadedScenario, options: HelicsOptions): readonly string[] {
  return membersOf(loaded, options).elsewhere;
}

const observersOf = ({ scenario }: LoadedScenario, options: HelicsOptions): number =>
  options.observers ?? scenario.clock.helics.observers;

/** The market's part of a federation whose broker runs. */
export function federationOf(
  loaded: LoadedScenario,
  options: HelicsOptions,
  broker: string,
): FederationChoice {
  const { ownProcess, elsewhere } = membersOf(loaded, options);
  const dersElsewhere = ownProcess.length + elsewhere.length > 0;
  const tell = reportToStarter();
  return {
    broker,
    dersElsewhere,
    observers: observersOf(loaded, options),
    nextBroker: nextBrokerFromStarter,
    onMinute: (at_ms) => tell({ at_ms }),
    onFailure: ({ message }) => tell({ failed: message }),
  };
}

/** @param args of this `fieldbid run`, which the market's program gets as well. @returns the run's exit code. */
export function superviseHelicsRun(
  loaded: LoadedScenario,
  options: HelicsOptions & ScenarioOptions,
  args: readonly string[],
): Promise<number> {
  const members = membersOf(loaded, options);
  refuseElsewhere(loaded, [...members.ownProcess, ...members.elsewhere]);
  const listen = options.brokerListen ?? loaded.scenario.clock.helics.listen;
  const [host, port] = listen === undefined ? [] : listenAddress(listen);
  const scenario = derScenarioArgs(options);
  const derArgs = (derId: string, broker: string): string[] => [
    ...['helics', 'der', derId, '--broker', broker],
    ...scenario,
  ];
  if (members.elsewhere.length > 0) {
    console.error(
      '# Start these on the other machines, with the same version and scenario; the run waits for them:',
    );
    const broker = listen ?? 'HOST:PORT (give the run --broker-listen)';
    for (const derId of members.elsewhere) console.error(`npx fieldbid ${derArgs(derId, broker).join(' ')}`);
  }
  return superviseRun({
    ...members,
    observers: observersOf(loaded, options),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    marketArgs: (broker) => ['run', ...args, '--federation', broker],
    // Those that are started here: this run has been agreed to.
    derArgs: (derId, address) => [...derArgs(derId, address), CONSENT_OPTION],
    ...((loaded.scenario.emulators ?? []).length === 0 ? {} : { marketGrace_ms: WALK_BACK_MS }),
    say: (line) => console.error(line),
  });
}

/** @throws InputError */
function listenAddress(text: string): [host: string, port: number] {
  const [host = '', port = ''] = text.split(':');
  if (host !== '' && Number(port) > 0 && Number(port) < 65_536) return [host, Number(port)];
  throw new InputError({ source: '--broker-listen', path: '', found: text, expected: 'HOST:PORT' });
}

/** The options of a run that say what its scenario is, for the programs of its DERs. */
function derScenarioArgs({ scenario, seed, intervals, start, dayAhead }: ScenarioOptions): string[] {
  return [
    ...['--scenario', scenario],
    ...(seed === undefined ? [] : ['--seed', `${seed}`]),
    ...(intervals === undefined ? [] : ['--intervals', `${intervals}`]),
    ...(start === undefined ? [] : ['--start', start]),
    ...(dayAhead ? [] : ['--no-day-ahead']),
  ];
}
