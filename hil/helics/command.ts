/** `fieldbid helics der`: one DER of a run on HELICS, in a process of its own, on this machine or another. */
import { type Command, group, logLevelOption } from '@fieldbid/core/cli/command';
import { InputError } from '@fieldbid/core/errors';
import { createLogger } from '@fieldbid/core/logging';
import { overridesOf, type ScenarioOptions, scenarioOptions } from '../bench/options.ts';
import { agreeToWrites, CONSENT_OPTION } from '../commissioning/consent.ts';
import { loadScenario } from '../scenario/load.ts';
import { isPhysical } from '../scenario/schema.ts';

interface DerCommand extends ScenarioOptions {
  broker: string;
  writeToHardware?: boolean;
  logLevel: string;
}

export function registerHelics(program: Command): void {
  const helics = group(
    program,
    'helics',
    'members of a HELICS federation that run in processes of their own',
  );
  scenarioOptions(helics.command('der'))
    .description(
      'One DER of a run: its inverter, its edge agent and their federate. fieldbid run --clock helics starts them, ' +
        'or prints the commands for another machine.',
    )
    .argument('<der-id>', 'a DER of the scenario')
    .requiredOption('--broker <address>', 'the HELICS broker, HOST:PORT')
    .option(CONSENT_OPTION, 'where the DER is a physical device: write to it without asking')
    .addOption(logLevelOption().default('warn'))
    .action(async (derId: string, options: DerCommand) => {
      const loaded = loadScenario(options.scenario, overridesOf(options));
      const known = loaded.scenario.ders.map((der) => der.derId);
      if (!known.includes(derId)) {
        throw new InputError({
          source: 'helics der',
          path: '',
          found: derId,
          expected: `one of ${known.join(', ')}`,
        });
      }
      await agreeToWrites(loaded, {
        given: options.writeToHardware === true,
        of: (der) => isPhysical(der) && der.derId === derId,
        emulators: false,
      });
      const { runDerMember } = await import('./processes/der-member.ts');
      const { endSoon, reportToStarter } = await import('./processes/member-process.ts');
      reportToStarter();
      const log = createLogger({ level: options.logLevel }).child({ room: 'hil', derId });
      await runDerMember({ loaded, derId, broker: options.broker, log }).catch((error: unknown) => {
        endSoon();
        throw error;
      });
    });
}
