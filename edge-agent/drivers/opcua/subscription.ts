/**
 * State and alarm nodes, told by the server when they change: news for the log between two cycles. A watchdog makes
 * the subscription anew when the server has said nothing for several keep-alives, and when the connection came back.
 * Readings never come from here: those are read fresh.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { ClientSubscription, DataValue } from 'node-opcua-client';
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
  readonly nodes: (prepared: T) => readonly { readonly name: string; readonly node: ResolvedNode }[];
  readonly publishing_ms: number;
  readonly keepAliveCount: number;
  readonly missedKeepAlives: number;
  readonly onNotice: (notice: Notice) => void;
}

/** The server deletes a subscription for which nobody asked for news during so many keep-alives. */
const LIFETIME_KEEP_ALIVES = 10;

export class Watch<T> {
  /** Times that it had to be made anew, the first one not counted. */
  recreated = 0;
  readonly #options: WatchOptions<T>;
  #timer: NodeJS.Timeout | undefined;
  #subscription: ClientSubscription | undefined;
  #opened: Opened<T> | undefined;
  #made = false;
  #heardAt_ms = 0;
  #busy = false;
  #closed = false;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
  }

  /** Begins to watch, once. What fails is tried again by the watchdog. */
  start(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const { publishing_ms, keepAliveCount } = this.#options;
    const period_ms = publishing_ms * keepAliveCount;
    this.#timer = setInterval(() => void this.#check(), period_ms);
    this.#timer.unref();
    void this.#check();
  }

  /** Ends it; the server forgets the subscription with the session. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#forget();
  }

  async #check(): Promise<void> {
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    const { connection, onNotice } = this.#options;
    try {
      await connection.run(async (opened) => {
        if (opened === this.#opened && !this.#isSilent()) return;
        if (this.#made) this.recreated++;
        const why = opened === this.#opened ? 'the server had fallen silent' : 'the connection was lost';
        await this.#make(opened);
        if (this.#made) onNotice({ level: 'warn', text: `subscribed again: ${why}` });
        this.#made = true;
      });
    } catch (error) {
      // Whoever reads the device says that it cannot be reached; here the watchdog only tries again.
      const quiet = codeOf(error) === 'OPCUA_CONNECTION' || codeOf(error) === 'OPCUA_TIMEOUT';
      if (!quiet) onNotice({ level: 'warn', text: `not subscribed: ${messageOf(error)}` });
    } finally {
      this.#busy = false;
    }
  }

  #isSilent(): boolean {
    const { publishing_ms, keepAliveCount, missedKeepAlives } = this.#options;
    if (this.#subscription === undefined) return true;
    return performance.now() - this.#heardAt_ms > publishing_ms * keepAliveCount * missedKeepAlives;
  }

  async #make(opened: Opened<T>): Promise<void> {
    const { nodes, publishing_ms, keepAliveCount, onNotice } = this.#options;
    const { session, opcua, prepared, ask } = opened;
    this.#forget();
    const created = session.createSubscription2({
      requestedPublishingInterval: publishing_ms,
      requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: keepAliveCount * LIFETIME_KEEP_ALIVES,
      publishingEnabled: true,
    });
    const subscription = await ask('subscribing', created);
    const heard = (): void => {
      this.#heardAt_ms = performance.now();
    };
    heard();
    for (const event of ['keepalive', 'received_notifications']) subscription.on(event, heard);
    const over = (): void => {
      if (this.#subscription === subscription) this.#subscription = undefined;
    };
    subscription.on('terminated', over);
    subscription.on('internal_error', over);
    for (const { name, node } of nodes(prepared)) {
      const monitored = subscription.monitor(
        { nodeId: node.nodeId, attributeId: opcua.AttributeIds.Value },
        { samplingInterval: publishing_ms, discardOldest: true, queueSize: 10 },
        opcua.TimestampsToReturn.Source,
      );
      const item = await ask(`watching ${name}`, monitored);
      item.on('changed', (answer: DataValue) => onNotice(noticeOf(name, node, answer)));
    }
    this.#subscription = subscription;
    this.#opened = opened;
  }

  #forget(): void {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#opened = undefined;
    subscription?.removeAllListeners();
    // The server may be gone, or have forgotten it: nothing depends on the answer.
    subscription?.terminate().catch(() => {});
  }
}

function noticeOf(name: string, node: ResolvedNode, { statusCode, value }: DataValue): Notice {
  const text = statusCode.isNotGood() ? null : textOf(node.dataType, value.value);
  const said = text ?? statusCode.name;
  return { level: statusCode.isNotGood() ? 'warn' : 'info', text: `${name} is ${said}`, name, value: text };
}
