/** `fieldbid sim broker`: an MQTT broker for a bench without one. */
import { type Command, group, runUntilSignal } from '@fieldbid/core/cli/command';
import { integer } from '../bench/options.ts';
import { EmbeddedBroker } from './embedded-broker.ts';

export function registerBroker(program: Command): void {
  group(program, 'sim', 'simulated devices, spoken to as if they were real')
    .command('broker')
    .description(
      'Run a small MQTT 3.1.1 broker on loopback, for a bench. A deployment has a broker of its own.',
    )
    .option('--port <n>', 'port; 0 picks a free one', integer(0), 1883)
    .action(async ({ port }: { port: number }) => {
      const broker = await EmbeddedBroker.start({ port });
      console.log(`broker on ${broker.url}`);
      await runUntilSignal(() => broker.close());
    });
}
