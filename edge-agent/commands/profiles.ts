/** `fieldbid edge profiles`: the device families that come with the agent. */
import type { Command } from '@fieldbid/core/cli/command';
import { loadProfile, profileNames } from '../profiles/profile.ts';
import { table } from './target.ts';

export function registerProfiles(edge: Command): void {
  edge
    .command('profiles')
    .description('List the device profiles that come with the agent, or show one.')
    .argument('[name]', 'a profile to show in full')
    .option('--json', 'print as JSON')
    .action((name: string | undefined, options: { json?: boolean }) => {
      if (name !== undefined) console.log(JSON.stringify(loadProfile(name), null, 2));
      else if (options.json === true)
        console.log(
          JSON.stringify(
            profileNames().map((n) => loadProfile(n)),
            null,
            2,
          ),
        );
      else console.log(list());
    });
}

function list(): string {
  const rows = profileNames().map((name): [string, string] => {
    const { title, seen, safeState } = loadProfile(name);
    const how = seen === 'never' ? 'never seen by us' : seen === 'dump' ? 'seen as a register dump' : 'seen';
    return [name, `${title} (${how}; without commands: ${safeState})`];
  });
  return `${table(rows)}\nOne in full: fieldbid edge profiles NAME. Your own: copy one and give its path as --profile FILE.yaml`;
}
