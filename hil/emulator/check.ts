/** Checks of a scenario's emulators before anything starts; each fault with file, line, path, found and expected. */
import { existsSync } from 'node:fs';
import { besideFile, locate } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { INVERTER_NOMINAL_V } from '../devices/inverter-physics.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import type { Scenario } from '../scenario/schema.ts';
import { type LoadedEmulatorMapping, loadEmulatorMapping, loadMappingFor } from './mapping.ts';
import type { EmulatorSection } from './section.ts';
import { MOST_NOMINAL_V } from './twin/emulator-physics.ts';
import { twinMapping } from './twin/emulator-twin.ts';

/** A simulated inverter's nominal voltage and its emulator's may differ by so much. */
const NOMINAL_SHARE = 0.01;

/** What does not need the feeder. @throws InputError for the first fault. */
export function checkEmulators(scenario: Scenario, file: string): void {
  const { emulators = [], ders } = scenario;
  for (const [i, emulator] of emulators.entries()) {
    const at = (key: string, found: string, expected: string) =>
      wrong(file, `/emulators/${i}/${key}`, found, expected);
    const { name, der, device, limits, mapping, nominal_V, opcua } = emulator;
    const before = emulators.slice(0, i);
    if (before.some((other) => other.name === name)) throw at('name', `${name} twice`, 'each emulator once');
    const fed = ders.find(({ derId }) => derId === der);
    if (fed === undefined)
      throw at('der', der, `a DER of the scenario: ${ders.map(({ derId }) => derId).join(', ')}`);
    if (before.some((other) => other.der === der)) throw at('der', `${der} twice`, 'one emulator for a DER');
    if (limits.step_pu <= 2 * limits.tolerance_pu) {
      const found = `${limits.step_pu} with a tolerance of ${limits.tolerance_pu}`;
      throw at('limits/step_pu', found, 'more than twice the tolerance: a step has to show');
    }
    const isSimulated = device === 'simulated';
    if (isSimulated && nominal_V > MOST_NOMINAL_V) {
      throw at('nominal_V', `${nominal_V}`, `at most ${MOST_NOMINAL_V} V for a simulated emulator`);
    }
    const differs = Math.abs(nominal_V - INVERTER_NOMINAL_V) > NOMINAL_SHARE * INVERTER_NOMINAL_V;
    if (fed.device === 'simulated' && differs) {
      throw at(
        'nominal_V',
        `${nominal_V} for ${der}`,
        `${INVERTER_NOMINAL_V} V, as simulated inverters have`,
      );
    }
    if (isSimulated) {
      for (const [key, value] of Object.entries({ mapping, opcua })) {
        if (value !== undefined) throw at(key, `${key} of a simulated emulator`, 'none: it has its own');
      }
      continue;
    }
    const isOpcUa = device.startsWith('opc.tcp://');
    if (opcua !== undefined && !isOpcUa)
      throw at('opcua', `opcua for ${device}`, 'it beside device: opc.tcp://... only');
    if (!isOpcUa) parseEndpoint(device, locate(file, `/emulators/${i}/device`), `/emulators/${i}/device`);
    if (mapping === undefined) throw at('mapping', 'none', 'a mapping file: what its registers or nodes are');
    const full = besideFile(file, mapping);
    if (!existsSync(full)) throw at('mapping', `${mapping}, which does not exist`, 'an existing file');
    loadMappingFor(device, full);
  }
}

/** What the feeder has to do with it. @throws InputError for the first fault. */
export function checkOutputs(
  { file, scenario }: Pick<LoadedScenario, 'file' | 'scenario'>,
  feeder: Feeder,
): void {
  for (const [i, emulator] of (scenario.emulators ?? []).entries()) {
    const path = `/emulators/${i}`;
    if (feeder.data.voltages === 'line-to-line') {
      throw wrong(file, path, 'an emulator on a feeder without a neutral', 'voltages line to neutral');
    }
    const phases = feeder.der(emulator.der)?.phases ?? [];
    const { outputs } = emulator;
    if (outputs !== undefined && outputs.length !== phases.length) {
      const found = `${outputs.length} outputs for ${phases.length} phases of ${emulator.der}`;
      throw wrong(file, `${path}/outputs`, found, 'one for each phase');
    }
    const channels = channelsOf(emulator, phases.length);
    const twice = channels.find((channel, n) => channels.indexOf(channel) !== n);
    if (twice !== undefined)
      throw wrong(file, `${path}/outputs`, `channel ${twice + 1} twice`, 'each channel once');
    const has = mappingOf(emulator, file).mapping.points.channels.length;
    const missing = channels.find((channel) => channel >= has);
    if (missing === undefined) continue;
    throw wrong(file, path, `channel ${missing + 1} of an emulator with ${has}`, `channels 1 to ${has}`);
  }
}

/** @throws InputError for an output that the feeder has not. @param nodes every `node.phase` of the feeder. */
export function checkNodes({ file, scenario }: LoadedScenario, nodes: readonly string[]): void {
  for (const [i, { outputs = [] }] of (scenario.emulators ?? []).entries()) {
    const n = outputs.findIndex(({ node }) => !nodes.includes(node));
    if (n < 0) continue;
    const path = `/emulators/${i}/outputs/${n}/node`;
    throw wrong(file, path, outputs[n]!.node, `node.phase of the feeder: ${nodes.join(', ')}`);
  }
}

/** @throws InputError where a simulated inverter in another process would have to take its voltage from an emulator here. */
export function refuseElsewhere({ file, scenario }: LoadedScenario, elsewhere: readonly string[]): void {
  for (const [i, { name, der }] of (scenario.emulators ?? []).entries()) {
    const fed = scenario.ders.find(({ derId }) => derId === der);
    if (fed?.device !== 'simulated' || !elsewhere.includes(der)) continue;
    throw wrong(
      file,
      `/emulators/${i}/der`,
      `${name} feeds ${der}, a simulated inverter in a process of its own, which cannot take the emulator's voltage`,
      'all DERs in one process (without --processes and --elsewhere), or a physical device',
    );
  }
}

/** Channels that are followed, from 0, in the order of the outputs. @param phases of the DER. */
export function channelsOf({ outputs }: Pick<EmulatorSection, 'outputs'>, phases: number): number[] {
  return outputs?.map(({ channel }) => channel - 1) ?? Array.from({ length: phases }, (_, i) => i);
}

/** Its mapping, or the twin's. @param file the scenario's. */
export function mappingOf(emulator: EmulatorSection, file: string): LoadedEmulatorMapping {
  return loadEmulatorMapping(mappingFileOf(emulator, file));
}

export function mappingFileOf({ mapping, protocol }: EmulatorSection, file: string): string {
  return mapping === undefined ? twinMapping(protocol) : besideFile(file, mapping);
}

function wrong(file: string, path: string, found: string, expected: string): InputError {
  return new InputError({ source: locate(file, path), path, found, expected });
}
