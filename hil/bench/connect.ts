/** How the programs of a run reach each other: a bus for each. */
import { randomBytes } from 'node:crypto';
import type { Bus } from '@fieldbid/core/bus/bus';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import type { MqttWill } from '@fieldbid/core/bus/mqtt-options';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import type { Killable } from '../faults/service-faults.ts';
import type { Closers } from './closers.ts';

export interface Connect {
  /** @param will told by the broker when this client dies. */
  (clientId: string, will?: MqttWill): Promise<Bus>;
  /** What can be done to connections over MQTT. */
  readonly mqtt?: {
    /** Resolves when everybody has what the broker had for them. */
    caughtUp(): Promise<void>;
    /** Ends a client as the loss of its power does; its will is told. */
    drop(bus: Bus): Promise<void>;
    /** The embedded one; absent: it is not ours. */
    readonly broker?: Killable;
  };
}

/** While time stands still nobody gains by waiting for a broker that is known to be dead. Real ms. */
const FAST_RECONNECT_MS = 50;
/** Clients try once a second. Real ms. */
const RECONNECTED_MS = 30_000;

/** The embedded broker with credentials of this run, or the one that was named. */
export async function openBus(
  { brokerUrl, realtimeSpeed, log }: { brokerUrl?: string; realtimeSpeed?: number; log: Logger },
  closers: Closers,
): Promise<Connect> {
  let url = brokerUrl;
  let credentials = {};
  const buses = new Set<MqttBus>();
  let broker: Killable | undefined;
  if (url === undefined) {
    const made = { username: 'bench', password: randomBytes(24).toString('base64url') };
    let running = await EmbeddedBroker.start({ credentials: made });
    closers.add('broker', () => running.close());
    url = running.url;
    credentials = made;
    const port = Number(new URL(url).port);
    broker = {
      kill: async () => {
        await running.kill();
        // Until everybody has noticed: what is sent into a connection that is gone waits for nothing.
        await Promise.all([...buses].map((bus) => hasConnection(bus, false)));
      },
      startAgain: async () => {
        running = await EmbeddedBroker.start({ port, credentials: made });
        // Until everybody has subscribed again, and has heard what the others announced.
        await Promise.all([...buses].map((bus) => hasConnection(bus, true)));
        await caughtUp();
      },
    };
  }
  const caughtUp = async (): Promise<void> => {
    await Promise.all([...buses].map((bus) => bus.caughtUp()));
  };
  const patience = realtimeSpeed === undefined ? { reconnectDeadline_ms: FAST_RECONNECT_MS } : {};
  const to = url;
  const connect = async (clientId: string, will?: MqttWill): Promise<MqttBus> => {
    const onFault = ({ topic, error }: { topic: string; error: unknown }): void =>
      log.warn({ clientId, topic, code: codeOf(error) }, `bus: ${messageOf(error)}`);
    const options = { url: to, clientId, ...credentials, ...patience, onFault };
    const bus = await MqttBus.connect({ ...options, ...(will === undefined ? {} : { will }) });
    buses.add(bus);
    closers.add(`bus of ${clientId}`, () => (buses.delete(bus) ? bus.close() : undefined));
    return bus;
  };
  const drop = async (bus: Bus): Promise<void> => {
    const own = [...buses].find((one) => one === bus);
    if (own === undefined) throw new TypeError('only a connection of this run can be dropped');
    buses.delete(own);
    await own.drop();
  };
  return Object.assign(connect, { mqtt: { caughtUp, drop, ...(broker === undefined ? {} : { broker }) } });
}

/** Resolves when the bus has a connection, or has none; fails quietly after a while: what needs it will say so. */
function hasConnection(bus: MqttBus, wanted: boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, RECONNECTED_MS);
    let watch: { close(): Promise<void> } | undefined;
    let isDone = false;
    function done(): void {
      isDone = true;
      clearTimeout(timer);
      void watch?.close();
      resolve();
    }
    watch = bus.watchConnection((is) => {
      if (is === wanted) done();
    });
    if (isDone) void watch.close();
  });
}
