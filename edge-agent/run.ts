/** An agent as its config file describes it, connected and ready to start. */
import { besideFile, readConfig } from '@fieldbid/core/config';
import { codeOf, InputError, messageOf } from '@fieldbid/core/errors';
import { MINUTE_MS } from '@fieldbid/core/interval';
import type { Logger } from '@fieldbid/core/logging';
import { dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import { connectBus } from '@fieldbid/core/service-config';
import { clocksFor } from '@fieldbid/core/time/bus-clock';
import { agentWill, EdgeAgent } from './agent/agent.ts';
import { openAwardStore } from './agent/award-store.ts';
import { loadClearSky } from './agent/clear-sky.ts';
import {
  careOf,
  type DeviceSetup,
  defaultRevert_s,
  renewsTooOften,
  verdictRules,
} from './agent/device-setup.ts';
import { loadPriceForecast } from './agent/price-forecast.ts';
import { followKey } from './attestation/key-file.ts';
import { signingStamp } from './attestation/readings.ts';
import { EdgeConfig, keyFileOf } from './config.ts';
import { openDevice } from './device/open-device.ts';
import { ModbusLinks } from './drivers/modbus/register-link.ts';
import { isOpcUaEndpoint } from './drivers/opcua/access.ts';
import { loadLibrary } from './drivers/opcua/library.ts';
import { MachineClock } from './health/machine-clock.ts';
import { loadProfile, profileBeside } from './profiles/profile.ts';
import { watchSite } from './site-watch.ts';
import { UplinkCounts } from './uplink/counts.ts';
import { openUplink } from './uplink/open-uplink.ts';

export interface RunningAgent {
  readonly agent: EdgeAgent;
  /** Whether every cycle moves: none has been running for longer than it can by its deadlines, and no clock was set back. */
  readonly alive: () => boolean;
  /** Where metrics are scraped; undefined when the config has none. */
  readonly metricsUrl: string | undefined;
  readonly close: () => Promise<void>;
}

/** What a cycle may take beyond the bid, which waits for its receipt until gate closure, real ms. */
const LONGEST_CYCLE_MS = 120_000;
/** A clock that is set back by less catches up sooner than the agent starts anew, ms. */
const MOST_SET_BACK_MS = 30_000;

/**
 * Reads and checks everything that the file names before anything is connected.
 * @throws InputError naming file and fault; FieldbidError `BUS_UNAVAILABLE`; DeadlineError without the bench's
 * clock.
 */
export async function agentFromConfig(file: string, log: Logger): Promise<RunningAgent> {
  const config = readConfig(EdgeConfig, file);
  const { agentId, market, devices, cycle_s, verdictDeadline_s } = config;
  moments(market.calendar, file);
  dayAheadMoments(market.calendar, file);
  checkOnce(
    file,
    devices.map(({ derId }) => derId),
  );
  const forecast = loadPriceForecast(besideFile(file, market.forecastFile));
  const clearSky =
    market.clearSkyFile === undefined ? undefined : loadClearSky(besideFile(file, market.clearSkyFile));
  const signer =
    config.keyFile === null
      ? undefined
      : followKey(keyFileOf(config, file), (error) =>
          log.error({ agentId, code: codeOf(error) }, `the key stays as it was: ${messageOf(error)}`),
        );
  let now = Date.now;
  const machineClock = new MachineClock();
  const links = new ModbusLinks();
  const setups = devices.map((entry, i): DeviceSetup => {
    const profileName = profileBeside(file, entry.profile);
    const { device, profile } = openDevice({
      endpoint: entry.endpoint,
      profile: loadProfile(profileName),
      now: () => now(),
      links,
      mapping: entry.mapping,
      opcua: entry.opcua,
      onNotice: ({ level, text, ...fields }) => log[level]({ derId: entry.derId, ...fields }, text),
      source: { file, path: `/devices/${i}/endpoint` },
    });
    const revert_s = entry.revert_s ?? defaultRevert_s(market.calendar);
    const tooOften = renewsTooOften(profile, revert_s);
    if (tooOften !== undefined) log.warn({ derId: entry.derId, revert_s }, tooOften);
    return {
      derId: entry.derId,
      deviceIds: entry.deviceIds,
      device,
      riskFactor_pct: entry.riskFactor_pct,
      reserve_pct: entry.reserve_pct,
      ...(clearSky === undefined ? {} : { clearSky }),
      rules: verdictRules(profile, verdictDeadline_s),
      ...careOf(profile),
      revert_s,
      withoutAward: entry.withoutAward,
      defaultLimit_W: entry.defaultLimit_W ?? null,
    };
  });
  // Not at the first bid: on a hurried clock the gate may close meanwhile.
  if (devices.some(({ endpoint }) => isOpcUaEndpoint(endpoint))) await loadLibrary();
  const will = agentWill(
    agentId,
    devices.map(({ derId }) => derId),
  );
  const counts = new UplinkCounts();
  const watch = await watchSite(config, file, { devices: setups, buffer: counts, log });
  const bus = await connectBus(config.broker, agentId, file, log, { will }).catch(async (error: unknown) => {
    await watch.close();
    throw error;
  });
  try {
    const clock = await clocksFor(config.clock, bus);
    const time = clock();
    now = () => time.now();
    const { deraId } = market;
    const stamp = signer === undefined ? {} : { stamp: signingStamp(signer) };
    const uplink = await openUplink(config.uplink, file, { bus, agentId, deraId, log, counts, ...stamp });
    const awardStore =
      config.awardsFile === null
        ? undefined
        : await openAwardStore(besideFile(file, config.awardsFile ?? `${agentId}.awards.sqlite`), log);
    const agent = new EdgeAgent({
      ...{ agentId, deraId, bus: uplink, calendar: market.calendar, forecast, devices: setups, log },
      dayAheadShare_pct: market.dayAheadShare_pct,
      timeFor: () => clock(),
      cycle_ms: cycle_s * 1000,
      // The chain of signed readings lives in the buffer.
      ...(awardStore === undefined ? {} : { awardStore }),
      ...(signer === undefined ? {} : { signer, evidence: config.uplink.bufferFile !== null }),
      ...(watch.observer === undefined ? {} : { observer: watch.observer }),
    });
    const { bid_min, gateClosure_min } = market.calendar;
    const longest_ms = LONGEST_CYCLE_MS + (bid_min - gateClosure_min) * MINUTE_MS;
    return {
      agent,
      alive: () => {
        const setBack_ms = machineClock.setBack_ms();
        if (setBack_ms > MOST_SET_BACK_MS)
          log.fatal(
            { agentId, setBack_ms },
            'the clock of this machine was set back: the agent has to start anew',
          );
        return setBack_ms <= MOST_SET_BACK_MS && agent.longestRunning_ms < longest_ms;
      },
      metricsUrl: watch.metricsUrl,
      close: async () => {
        await awardStore?.close();
        await uplink.close();
        await watch.close();
      },
    };
  } catch (error) {
    await bus.close();
    await watch.close();
    throw error;
  }
}

function checkOnce(file: string, derIds: readonly string[]): void {
  const twice = derIds.findIndex((derId, i) => derIds.indexOf(derId) !== i);
  if (twice === -1) return;
  throw new InputError({
    source: file,
    path: `/devices/${twice}/derId`,
    found: `${derIds[twice]} a second time`,
    expected: 'each DER once',
  });
}
