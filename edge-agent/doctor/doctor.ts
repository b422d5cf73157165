/** Doctor: all checks of a site, or of one device. */
import { dirname, resolve } from 'node:path';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { type Calendar, dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import { defaultRevert_s } from '../agent/device-setup.ts';
import { loadPriceForecast } from '../agent/price-forecast.ts';
import { EdgeConfig, keyFileOf } from '../config.ts';
import { openDevice } from '../device/open-device.ts';
import { mediumText, parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { ModbusLinks } from '../drivers/modbus/register-link.ts';
import { isOpcUaEndpoint } from '../drivers/opcua/access.ts';
import { loadProfile, profileBeside } from '../profiles/profile.ts';
import { checkBroker } from './broker.ts';
import { checkDevice } from './device.ts';
import { checkFiles } from './files.ts';
import { type Finding, Findings } from './finding.ts';
import { checkMachine, type MachineFacts, thisMachine } from './machine.ts';

const MINUTE_S = 60;

/** Everything that `fieldbid edge run` with this file depends on. Faults are findings, not errors. */
export async function examineSite(file: string, facts: MachineFacts = thisMachine()): Promise<Finding[]> {
  const machine = await checkMachine(facts, dirname(resolve(file)), file);
  const settings = new Findings('config');
  let config: EdgeConfig;
  try {
    config = readConfig(EdgeConfig, file);
    moments(config.market.calendar, file);
    dayAheadMoments(config.market.calendar, file);
    settings.ok('file', `${file}: ${config.devices.length} devices`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    settings.fail('file', error.message, 'correct the file: nothing else can be checked');
    return [...machine, ...settings.list];
  }
  checkMarket(config, file, facts.now_ms, settings);
  const files = checkFiles(config, file, config.keyFile === null ? undefined : keyFileOf(config, file));
  const [broker, devices] = await Promise.all([
    checkBroker(config.broker, config.agentId, file),
    checkDevices(config, file),
  ]);
  return [...machine, ...settings.list, ...files, ...broker, ...devices];
}

function checkMarket({ market, clock }: EdgeConfig, file: string, now_ms: number, settings: Findings): void {
  const end_ms = moments(market.calendar).at(-1)?.interval.end_ms ?? 0;
  const until = new Date(end_ms).toISOString().slice(0, 16);
  // On a bench's clock market time is not this machine's.
  if (clock.source === 'real' && end_ms <= now_ms) {
    settings.fail('calendar', `over since ${until}`, 'set market.calendar: start and intervals');
  } else settings.ok('calendar', `until ${until} UTC`);
  try {
    loadPriceForecast(besideFile(file, market.forecastFile));
    settings.ok('prices', market.forecastFile);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    settings.fail('prices', error.message, 'correct market.forecastFile');
  }
}

async function checkDevices(config: EdgeConfig, file: string): Promise<Finding[]> {
  const links = new ModbusLinks();
  const checked = config.devices.map(async (entry, i) => {
    const profileName = profileBeside(file, entry.profile);
    const { calendar } = config.market;
    const sharing = sharingFindings(config, i);
    try {
      const opened = openDevice({
        ...{ endpoint: entry.endpoint, profile: loadProfile(profileName), now: Date.now, links },
        ...{ mapping: entry.mapping, opcua: entry.opcua },
        source: { file, path: `/devices/${i}/endpoint` },
      });
      const revert_s = entry.revert_s ?? defaultRevert_s(calendar);
      const { derId: name, endpoint } = entry;
      const found = await examineDevice({ ...opened, name, endpoint, profileName, calendar, revert_s });
      return [...found, ...sharing];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const findings = new Findings(entry.derId);
      findings.fail('settings', error.message, 'correct the config');
      return [...findings.list, ...sharing];
    }
  });
  return (await Promise.all(checked)).flat();
}

/** Checks a device and closes it. */
export async function examineDevice(
  subject: ReturnType<typeof openDevice> & {
    name: string;
    endpoint: string;
    profileName: string;
    calendar: Pick<Calendar, 'interval_min'>;
    revert_s: number;
  },
): Promise<Finding[]> {
  try {
    return await checkDevice({ ...subject, interval_s: subject.calendar.interval_min * MINUTE_S });
  } finally {
    await subject.device.close();
  }
}

/** Who else is on the same bus: they take turns, and a unit id belongs to one of them. */
function sharingFindings({ devices }: EdgeConfig, index: number): Finding[] {
  const findings = new Findings(devices[index]?.derId ?? '');
  const places = devices.map(({ endpoint }) => placeOf(endpoint));
  const own = places[index];
  if (own === undefined) return [];
  const others = devices.filter((_, i) => i !== index && places[i]?.bus === own.bus);
  const same = devices.find(
    (_, i) => i !== index && places[i]?.bus === own.bus && places[i]?.unit === own.unit,
  );
  if (same !== undefined) {
    const todo = 'give each device its own unit id: two agents of one device undo each other';
    findings.fail('bus', `unit ${own.unit} is ${same.derId} as well`, todo);
  } else if (others.length > 0) {
    const names = others.map(({ derId, endpoint }) => `${derId} (unit ${placeOf(endpoint)?.unit})`);
    findings.ok('bus', `shared with ${names.join(', ')}`);
  }
  return findings.list;
}

function placeOf(text: string): { bus: string; unit: number } | undefined {
  if (isOpcUaEndpoint(text)) return undefined;
  try {
    const endpoint = parseEndpoint(text);
    return { bus: mediumText(endpoint), unit: endpoint.unit };
  } catch {
    return undefined;
  }
}
