/**
 * State and alarm nodes, told by the server when they change: news for the log between two cycles. Readings never
 * come from here: those are read fresh. The watchdog is the deadline of each Publish request: a server that says
 * nothing for several keep-alives is subscribed to anew, and so is one whose connection came back.
 *
 * On the services themselves (OPC 10000-4, 5.14), because node-opcua's ClientSubscription throws out of its own
 * timers when its session ends at the wrong moment, and that would end the process.
 */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { pause } from '@fieldbid/core/retry';
import type {
  ClientSession,
  ClientSessionPublishService,
  ClientSessionRawSubscriptionService,
  DataValue,
  PublishResponse,
} from 'node-opcua-client';
import type { OpcUaConnection, Opened } from './connection.ts';
import type { ResolvedNode } from './nodes.ts';
import { textOf } from './values.ts';

/** Something that the device said by itself, or that was noticed about it. */
export interface Notice {
  readonly level: 'info' | 'warn';
  /** A sentence. */
  readonly text: string;
  /** What changed, and to what, when it was a node. */
  readonly name?: string;
  readonly value?: string | null;
}

export interface WatchOptions<T> {
  readonly connection: OpcUaConnection<T>;
  readonly nodes: (prepared: T) => readonly Watched[];
  readonly publishing_ms: number;
  readonly keepAliveCount: number;
  readonly missedKeepAlives: number;
  readonly onNotice: (notice: Notice) => void;
}

export interface Watched {
  readonly name: string;
  readonly node: ResolvedNode;
}

/** The session has these services, its type keeps them back. */
type Services = ClientSessionRawSubscriptionService & ClientSessionPublishService;

function servicesOf(session: ClientSession): Services {
  return session as unknown as Services;
}

/** The server deletes a subscription for which nobody asked for news during so many keep-alives. */
const LIFETIME_KEEP_ALIVES = 10;
/** Changes of one node that the server keeps until it can tell them. */
const QUEUE = 10;

export class Watch<T> {
  /** Times that it had to be made anew, the first one not counted. */
  recreated = 0;
  readonly #options: WatchOptions<T>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #made = false;
  /** What went wrong last: said when it is new. */
  #trouble: string | undefined;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
  }

  /** Begins to watch, once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends it; the server forgets the subscription with the session, which the connection ends. */
  close(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { connection, publishing_ms, keepAliveCount } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await connection.run((opened) => this.#follow(opened));
      } catch (error) {
        if (signal.aborted) return;
        this.#complain(error);
        await pause(publishing_ms * keepAliveCount, signal);
      }
    }
  }

  /** Whoever reads the device says that it cannot be reached; only what concerns the subscription is said here. */
  #complain(error: unknown): void {
    const text = messageOf(error);
    const passing = error instanceof FieldbidError && error.retryable;
    if (!passing && text !== this.#trouble)
      this.#options.onNotice({ level: 'warn', text: `not subscribed: ${text}` });
    this.#trouble = text;
  }

  /** Subscribes and passes on the news until the server falls silent. @throws OpcUaError. */
  async #follow(opened: Opened<T>): Promise<void> {
    const { nodes, onNotice } = this.#options;
    const watched = nodes(opened.prepared);
    const subscription = await this.#subscribe(opened, watched);
    if (this.#made) {
      this.recreated++;
      onNotice({
        level: 'warn',
        text: 'subscribed again: the server had fallen silent, or was started again',
      });
    }
    this.#made = true;
    this.#trouble = undefined;
    let acknowledge: { subscriptionId: number; sequenceNumber: number }[] = [];
    while (!this.#stop.signal.aborted) {
      const answer = await this.#publish(opened, subscription.silence_ms, acknowledge);
      if (answer === undefined) break;
      acknowledge = this.#tell(answer, watched);
    }
    await forget(opened, subscription.id);
  }

  async #subscribe(
    { session, opcua, ask }: Opened<T>,
    watched: readonly Watched[],
  ): Promise<{ id: number; silence_ms: number }> {
    const { publishing_ms, keepAliveCount, missedKeepAlives } = this.#options;
    const created = await ask(
      'subscribing',
      servicesOf(session).createSubscription({
        requestedPublishingInterval: publishing_ms,
        requestedMaxKeepAliveCount: keepAliveCount,
        requestedLifetimeCount: keepAliveCount * LIFETIME_KEEP_ALIVES,
        publishingEnabled: true,
      }),
    );
    const { subscriptionId: id, revisedPublishingInterval, revisedMaxKeepAliveCount } = created;
    const items = await ask(
      `watching ${watched.length} nodes`,
      servicesOf(session).createMonitoredItems({
        subscriptionId: id,
        timestampsToReturn: opcua.TimestampsToReturn.Source,
        itemsToCreate: watched.map(({ node }, clientHandle) => ({
          itemToMonitor: { nodeId: node.nodeId, attributeId: opcua.AttributeIds.Value },
          monitoringMode: opcua.MonitoringMode.Reporting,
          requestedParameters: {
            clientHandle,
            samplingInterval: publishing_ms,
            queueSize: QUEUE,
            discardOldest: true,
          },
        })),
      }),
    );
    for (const [i, { statusCode }] of (items.results ?? []).entries()) {
      if (statusCode.isGood() || this.#made) continue;
      this.#options.onNotice({
        level: 'warn',
        text: `${watched[i]?.name} cannot be watched: ${statusCode.name}`,
      });
    }
    // The server may have made the intervals longer.
    return { id, silence_ms: revisedPublishingInterval * revisedMaxKeepAliveCount * missedKeepAlives };
  }

  /** The next news or keep-alive; undefined when none came in time, or the subscription is gone. @throws OpcUaError. */
  async #publish(
    { session, opcua, ask }: Opened<T>,
    silence_ms: number,
    subscriptionAcknowledgements: { subscriptionId: number; sequenceNumber: number }[],
  ): Promise<PublishResponse | undefined> {
    const request = new opcua.PublishRequest({
      requestHeader: { timeoutHint: Math.ceil(2 * silence_ms) },
      subscriptionAcknowledgements,
    });
    try {
      const answer = new Promise<PublishResponse>((resolve, reject) => {
        servicesOf(session).publish(request, (error, response) =>
          response === undefined ? reject(error ?? new RangeError('no answer')) : resolve(response),
        );
      });
      return await ask('waiting for news', answer, silence_ms);
    } catch (error) {
      // The connection may be well all the same: whether it is, reading will tell.
      const silent = error instanceof FieldbidError && error.code !== 'OPCUA_CONNECTION';
      if (silent) return undefined;
      throw error;
    }
  }

  /** @returns what to acknowledge with the next request. */
  #tell(
    answer: PublishResponse,
    watched: readonly Watched[],
  ): { subscriptionId: number; sequenceNumber: number }[] {
    const { subscriptionId, notificationMessage } = answer;
    const news = (notificationMessage.notificationData ?? []) as {
      monitoredItems?: { clientHandle: number; value: DataValue }[];
    }[];
    for (const { monitoredItems = [] } of news) {
      for (const { clientHandle, value } of monitoredItems) {
        const entry = watched[clientHandle];
        if (entry !== undefined) this.#options.onNotice(noticeOf(entry, value));
      }
    }
    if (news.length === 0) return [];
    return [{ subscriptionId, sequenceNumber: notificationMessage.sequenceNumber }];
  }
}

/** The server may have forgotten it already: nothing depends on the answer. */
async function forget({ session, ask }: Opened<unknown>, subscriptionId: number): Promise<void> {
  const deleted: unknown = servicesOf(session).deleteSubscriptions({ subscriptionIds: [subscriptionId] });
  await ask('unsubscribing', Promise.resolve(deleted)).catch(() => {});
}

function noticeOf({ name, node }: Watched, { statusCode, value }: DataValue): Notice {
  const text = statusCode.isNotGood() ? null : textOf(node.dataType, value.value);
  const said = text ?? statusCode.name;
  return { level: statusCode.isNotGood() ? 'warn' : 'info', text: `${name} is ${said}`, name, value: text };
}
