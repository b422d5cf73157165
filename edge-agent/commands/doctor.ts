/** `fieldbid edge doctor`: is everything there that the agent needs, and is it safe? Nothing is written. */
import { type Command, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { defaultRevert_s } from '../agent/device-setup.ts';
import { openDevice } from '../device/open-device.ts';
import { examineDevice, examineSite } from '../doctor/doctor.ts';
import { findingsText } from '../doctor/finding.ts';
import { addOpcUaOptions, type OpcUaOptions, opcUaAccess } from '../drivers/opcua/commands.ts';
import { DEFAULT_PROFILE } from '../profiles/profile.ts';
import { ENDPOINT, profileFor, type TargetOptions, whole } from './target.ts';

interface DoctorOptions extends TargetOptions, OpcUaOptions {
  config?: string;
}

/** Where there is no calendar: the market's default interval. */
const INTERVAL_MIN = 15;

export function registerDoctor(edge: Command): void {
  const doctor = edge
    .command('doctor')
    .description(
      'Check machine, clock, files, broker and devices, and say what to do. Nothing is written. Ends with 0 only ' +
        'when nothing FAILs.',
    )
    .argument('[endpoint]', `one device alone: ${ENDPOINT}`)
    .option('--config <file>', "the agent's YAML file: checks all that it names")
    .option('--profile <name>', 'of the one device', DEFAULT_PROFILE)
    .option('--timeout <ms>', 'for one answer of the one device', whole(10, 60_000))
    .option('--max-read <n>', 'registers in one request, at most', whole(2, 125))
    .option('--json', 'print as JSON, for scripts')
    .option('--mapping <file>', 'OPC UA: the mapping file of the one device');
  addOpcUaOptions(doctor)
    .addHelpText(
      'after',
      `
Some inverters take one client only: stop the agent first, or their link FAILs.

Examples:
  $ npx fieldbid edge doctor --config edge.yaml
  $ npx fieldbid edge doctor 'tcp://192.0.2.10:502?unit=1' --profile generic-1xx`,
    )
    .action(runDoctor);
}

async function runDoctor(endpoint: string | undefined, options: DoctorOptions): Promise<void> {
  if ((endpoint === undefined) === (options.config === undefined)) {
    throw new InvalidArgumentError('give either an endpoint or --config FILE');
  }
  const findings =
    endpoint === undefined ? await examineSite(options.config ?? '') : await examineOne(endpoint, options);
  console.log(options.json === true ? JSON.stringify(findings, null, 2) : findingsText(findings));
  if (findings.some(({ outcome }) => outcome === 'FAIL')) process.exitCode = 1;
}

function examineOne(endpoint: string, options: DoctorOptions) {
  const access = opcUaAccess(endpoint, options);
  const opened = openDevice({ endpoint, profile: profileFor(options), now: Date.now, ...access });
  const calendar = { interval_min: INTERVAL_MIN };
  const revert_s = defaultRevert_s(calendar);
  return examineDevice({
    ...opened,
    name: 'device',
    endpoint,
    profileName: options.profile,
    calendar,
    revert_s,
  });
}
