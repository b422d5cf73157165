/** What the service starts: the `fieldbid` command with the edge agent's commands alone, built by `build.ts`. */
import { main } from '@fieldbid/core/cli/main';
import { register } from '../cli.ts';

process.exitCode = await main(process.argv.slice(2), [{ register }]);
