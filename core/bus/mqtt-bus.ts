/**
 * Bus on MQTT, for any broker, 3.1.1 or 5.0. Reply topic and correlation travel in a small envelope of ours
 * (envelope.ts) instead of MQTT 5 properties: the same bytes on every broker. What MQTT 5 adds where it is
 * spoken: a session that outlives a broken connection, requests that expire when nobody waits any more, a delay
 * before a will, and reasons in refusals.
 */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt';
import type { Json } from '../canonical-json.ts';
import { codeOf, DeadlineError, FieldbidError, messageOf, withDeadline } from '../errors.ts';
import {
  type Bus,
  filterMatches,
  type PublishOptions,
  type Received,
  type RequestOptions,
  type Subscription,
} from './bus.ts';
import { type Envelope, openEnvelope, remoteError } from './envelope.ts';
import { connectFault, exchangeFault } from './mqtt-errors.ts';
import { brokerUrl, clientOptions, type MqttBusOptions } from './mqtt-options.ts';
import { topics } from './topics.ts';

export type { MqttBusOptions } from './mqtt-options.ts';

const PUBLISH_DEADLINE_MS = 10_000;
/** Largest message expiry of MQTT 5, seconds (3.3.2.3.3: four bytes). */
const LONGEST_EXPIRY_S = 0xffff_ffff;

interface Handler {
  readonly filter: string;
  readonly handle: (received: Received, envelope: Envelope) => Promise<void>;
  /** Tail of the queue: one subscription's messages are handled one after the other. */
  tail: Promise<void>;
}

export class MqttBus implements Bus {
  readonly #client: MqttClient;
  readonly #options: MqttBusOptions;
  readonly #replyTopic: string;
  readonly #handlers = new Set<Handler>();
  readonly #asked = new Map<string, { answer: (body: Json) => void; fail: (error: FieldbidError) => void }>();
  /** Told of every connection and every loss of it. */
  readonly #listeners = new Set<(connected: boolean) => void>();
  #serial = 0;
  #dropped = false;

  /**
   * Connects and is ready to be asked.
   * @throws InputError for a plain-text URL to another machine; FieldbidError `BUS_UNAVAILABLE` (retryable),
   * `BUS_REFUSED` for wrong credentials, certificates, protocol version.
   */
  static async connect(options: MqttBusOptions): Promise<MqttBus> {
    const url = brokerUrl(options);
    let client: MqttClient;
    try {
      client = await connectAsync(options.url, clientOptions(options), false);
    } catch (error) {
      throw connectFault(error, url.host);
    }
    const bus = new MqttBus(client, options);
    await bus.#subscribe(bus.#replyTopic);
    return bus;
  }

  private constructor(client: MqttClient, options: MqttBusOptions) {
    this.#client = client;
    this.#options = options;
    this.#replyTopic = topics.replies(`${options.clientId}-${randomUUID().slice(0, 8)}`);
    // Requests and answers are small and wait for each other: Nagle's algorithm adds 40 ms and more to each.
    client.on('connect', () => {
      disableNagle(client);
      this.#tell(true);
    });
    disableNagle(client);
    client.on('close', () => this.#tell(false));
    // From the second connection on: what the broker kept for us meanwhile is wanted.
    if (options.protocolVersion === 5) client.options.clean = false;
    client.on('message', (topic, payload) => this.#receive(topic, payload));
    client.on('error', (error) => options.onFault?.({ topic: '', error }));
  }

  publish(topic: string, message: unknown, options: PublishOptions = {}): Promise<void> {
    return this.#send(topic, { body: message as Json }, options);
  }

  async subscribe(
    filter: string,
    handler: (received: Received) => void | Promise<void>,
  ): Promise<Subscription> {
    return this.#listen(filter, async (received) => handler(received));
  }

  async request(
    topic: string,
    message: unknown,
    deadline_ms: number,
    options: RequestOptions = {},
  ): Promise<Json> {
    const request = `${++this.#serial}`;
    const answer = new Promise<Json>((resolve, reject) => {
      this.#asked.set(request, { answer: resolve, fail: reject });
    });
    // A failure of the answer must not be unhandled while the request is still being sent.
    answer.catch(() => {});
    try {
      const envelope = { body: message as Json, replyTo: this.#replyTopic, request };
      const sent = this.#send(topic, envelope, { worth_ms: options.worth_ms ?? deadline_ms });
      return await withDeadline(
        sent.then(() => answer),
        deadline_ms,
        `the responder of ${topic}`,
      );
    } finally {
      this.#asked.delete(request);
    }
  }

  async respond(filter: string, handler: (received: Received) => Promise<unknown>): Promise<Subscription> {
    return this.#listen(filter, async (received, envelope) => {
      const { replyTo, request } = envelope;
      if (replyTo === undefined || request === undefined) {
        throw new FieldbidError('BUS_NOT_A_REQUEST', `a message on ${received.topic} asks for no answer`);
      }
      let reply: Envelope;
      try {
        reply = { answers: request, body: ((await handler(received)) ?? null) as Json };
      } catch (error) {
        reply = { answers: request, body: null, error: { code: codeOf(error), message: messageOf(error) } };
        this.#options.onFault?.({ topic: received.topic, error });
      }
      await this.#send(replyTo, reply, {});
    });
  }

  async close(): Promise<void> {
    for (const { fail } of this.#asked.values()) fail(new FieldbidError('BUS_CLOSED', 'the bus was closed'));
    this.#asked.clear();
    // Closed in order: nothing is to be kept for us.
    const leave = this.#options.protocolVersion === 5 ? { properties: { sessionExpiryInterval: 0 } } : {};
    await this.#client.endAsync(false, leave);
    this.#listeners.clear();
  }

  /** Ends as when its power fails: the broker is told nothing, and tells this client's will. */
  async drop(): Promise<void> {
    this.#dropped = true;
    for (const { fail } of this.#asked.values()) fail(new FieldbidError('BUS_CLOSED', 'the bus was dropped'));
    this.#asked.clear();
    this.#listeners.clear();
    await this.#client.endAsync(true);
  }

  /**
   * Resolves when all that the broker sent this client before has been handed to its handlers: a message of its own
   * has come back. @throws FieldbidError as `publish`; DeadlineError after `deadline_ms` real ms.
   */
  async caughtUp(deadline_ms = PUBLISH_DEADLINE_MS): Promise<void> {
    const request = `${++this.#serial}`;
    const back = new Promise<Json>((resolve, reject) => {
      this.#asked.set(request, { answer: resolve, fail: reject });
    });
    back.catch(() => {});
    try {
      await this.#send(this.#replyTopic, { answers: request, body: null }, {});
      await withDeadline(back, deadline_ms, 'the broker, asked for a message of our own,');
    } finally {
      this.#asked.delete(request);
    }
  }

  watchConnection(listener: (connected: boolean) => void): Subscription {
    this.#listeners.add(listener);
    listener(this.#client.connected);
    return { close: async () => void this.#listeners.delete(listener) };
  }

  async #listen(
    filter: string,
    handle: (received: Received, envelope: Envelope) => Promise<void>,
  ): Promise<Subscription> {
    const handler: Handler = { filter, handle, tail: Promise.resolve() };
    this.#handlers.add(handler);
    await this.#subscribe(filter);
    return {
      close: async () => {
        this.#handlers.delete(handler);
        const stillWanted = [...this.#handlers].some((other) => other.filter === filter);
        if (!stillWanted && this.#client.connected) await this.#client.unsubscribeAsync(filter);
      },
    };
  }

  async #subscribe(filter: string): Promise<void> {
    try {
      await this.#client.subscribeAsync(filter, { qos: 1 });
    } catch (error) {
      throw exchangeFault(error, filter);
    }
  }

  async #send(topic: string, envelope: Envelope, { retain, worth_ms }: PublishOptions): Promise<void> {
    const options: IClientPublishOptions = { qos: 1, retain: retain ?? false };
    if (this.#options.protocolVersion === 5 && worth_ms !== undefined) {
      const seconds = Math.min(LONGEST_EXPIRY_S, Math.max(1, Math.ceil(worth_ms / 1000)));
      options.properties = { messageExpiryInterval: seconds };
    }
    const what = `the broker, asked to take a message for ${topic},`;
    if (this.#dropped) throw new FieldbidError('BUS_CLOSED', 'the bus was dropped');
    try {
      // The library would keep what is sent meanwhile in memory, without bound, and send it whenever.
      if (!this.#client.connected) await this.#reconnected(what);
      const sent = this.#client.publishAsync(topic, JSON.stringify(envelope), options);
      await withDeadline(sent, PUBLISH_DEADLINE_MS, what);
    } catch (error) {
      throw exchangeFault(error, topic);
    }
  }

  /** @throws DeadlineError when the connection is not back within the deadline for a message. */
  #reconnected(what: string): Promise<void> {
    const deadline_ms = this.#options.reconnectDeadline_ms ?? PUBLISH_DEADLINE_MS;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
      };
      const listener = (connected: boolean): void => {
        if (!connected) return;
        settle();
        resolve();
      };
      const timer = setTimeout(() => {
        settle();
        reject(new DeadlineError(what, deadline_ms));
      }, deadline_ms);
      this.#listeners.add(listener);
    });
  }

  #tell(connected: boolean): void {
    for (const listener of [...this.#listeners]) listener(connected);
  }

  #receive(topic: string, payload: Buffer): void {
    let envelope: Envelope;
    try {
      envelope = openEnvelope(topic, payload);
    } catch (error) {
      this.#options.onFault?.({ topic, error });
      return;
    }
    if (topic === this.#replyTopic) {
      const asked = this.#asked.get(envelope.answers ?? '');
      if (asked === undefined) return; // answered after its deadline
      if (envelope.error === undefined) asked.answer(envelope.body);
      else asked.fail(remoteError(envelope.error));
      return;
    }
    for (const handler of this.#handlers) {
      if (!filterMatches(handler.filter, topic)) continue;
      handler.tail = handler.tail
        .then(() => handler.handle({ topic, message: envelope.body }, envelope))
        .catch((error: unknown) => this.#options.onFault?.({ topic, error }));
    }
  }
}

function disableNagle(client: MqttClient): void {
  const stream: unknown = client.stream;
  if (stream instanceof Socket) stream.setNoDelay(true);
}
