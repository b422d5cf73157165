/** How the programs of a run reach each other: a bus for each. */
import { randomBytes } from 'node:crypto';
import type { Bus } from '@fieldbid/core/bus/bus';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import type { Closers } from './closers.ts';

/** The embedded broker with credentials of this run, or the one that was named. */
export async function openBus(
  { brokerUrl, log }: { brokerUrl?: string; log: Logger },
  closers: Closers,
): Promise<(clientId: string) => Promise<Bus>> {
  let url = brokerUrl;
  let credentials = {};
  if (url === undefined) {
    const made = { username: 'bench', password: randomBytes(24).toString('base64url') };
    const broker = await EmbeddedBroker.start({ credentials: made });
    closers.add('broker', () => broker.close());
    url = broker.url;
    credentials = made;
  }
  const broker = url;
  return async (clientId) => {
    const onFault = ({ topic, error }: { topic: string; error: unknown }): void =>
      log.warn({ clientId, topic, code: codeOf(error) }, `bus: ${messageOf(error)}`);
    const bus = await MqttBus.connect({ url: broker, clientId, ...credentials, onFault });
    closers.add(`bus of ${clientId}`, () => bus.close());
    return bus;
  };
}
