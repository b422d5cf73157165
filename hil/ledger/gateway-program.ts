/** The `gateway` command by itself, to be built and started many times (hil/testing/bundle.ts). */
import { register } from '@fieldbid/bc-gateway/cli';
import { Command } from '@fieldbid/core/cli/command';

const program = new Command('fieldbid');
register(program);
await program.parseAsync();
