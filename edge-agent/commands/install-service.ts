/** `fieldbid edge install-service`: prints the systemd unit for this installation, and what to do with it. */
import { existsSync } from 'node:fs';
import type { Command } from '@fieldbid/core/cli/command';
import { FieldbidError } from '@fieldbid/core/errors';
import { BUILT_AGENT, unitText } from '../service/unit.ts';

export function registerInstallService(edge: Command): void {
  edge
    .command('install-service')
    .description('Print the systemd unit with the paths of this installation. Nothing is changed.')
    .addHelpText(
      'after',
      `
Example, once for all sites of a machine:
  $ npm run build:edge
  $ npx fieldbid edge install-service | sudo tee /etc/systemd/system/fieldbid-edge@.service
  $ sudo systemctl daemon-reload
and for the site in /var/lib/fieldbid/roof/edge.yaml:
  $ sudo systemctl enable --now fieldbid-edge@roof`,
    )
    .action(() => {
      if (!existsSync(BUILT_AGENT)) {
        const text = `${BUILT_AGENT} is not there: the service starts the built agent. Run: npm run build:edge`;
        throw new FieldbidError('NOT_BUILT', text);
      }
      process.stdout.write(unitText());
      if (/^\/(home|root|run\/user)\//.test(process.execPath)) {
        console.error(
          `Note: ${process.execPath} is in a home folder, which the service cannot see (ProtectHome=yes): ` +
            'install Node for all users.',
        );
      }
    });
}
