/**
 * Bus on MQTT, for any broker. The embedded broker speaks 3.1.1 only, so reply topic and correlation travel
 * in a small envelope of ours instead of MQTT 5 properties: the same bytes on every broker.
 */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import type { Json } from '../canonical-json.ts';
import { codeOf, FieldbidError, InputError, messageOf, withDeadline } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { type Bus, filterMatches, type PublishOptions, type Received, type Subscription } from './bus.ts';
import { topics } from './topics.ts';

/** Larger messages are refused before they are parsed. */
const LARGEST_MESSAGE_BYTES = 1024 * 1024;
const PUBLISH_DEADLINE_MS = 10_000;
const CONNECT_DEADLINE_MS = 10_000;

interface Envelope {
  body: Json;
  /** Present in a request: where the answer goes, and the number that it carries back. */
  replyTo?: string;
  request?: string;
  /** Present in an answer: the request's number. */
  answers?: string;
  error?: { code: string; message: string };
}

export interface MqttBusOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. Without TLS only loopback is accepted unless allowed. */
  url: string;
  clientId: string;
  username?: string;
  password?: string;
  /** PEM contents for `mqtts://`. */
  ca?: string;
  cert?: string;
  key?: string;
  /** Accept `mqtt://` to another machine: messages and credentials then cross the network in clear. */
  allowInsecure?: boolean;
  /** MQTT protocol: 4 is 3.1.1 (every broker), 5 is 5.0. */
  protocolVersion?: 4 | 5;
  /** Told to the others by the broker if this client dies without closing. Retained. */
  will?: { topic: string; message: unknown };
  /** What this side could not handle: malformed messages, failing handlers. Never throws. */
  onFault?: (fault: { topic: string; error: unknown }) => void;
}

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
  #serial = 0;

  /**
   * Connects and is ready to be asked.
   * @throws InputError for a plain-text URL to another machine; FieldbidError `BUS_UNAVAILABLE` (retryable),
   * `BUS_REFUSED` for wrong credentials.
   */
  static async connect(options: MqttBusOptions): Promise<MqttBus> {
    const url = brokerUrl(options.url);
    if (url.protocol === 'mqtt:' && !isLoopback(url.hostname) && options.allowInsecure !== true) {
      throw new InputError({
        source: 'broker',
        path: '/url',
        found: options.url,
        expected: 'mqtts:// to another machine (or allowInsecure: true, which sends everything in clear)',
      });
    }
    const mqttOptions: IClientOptions = {
      clientId: options.clientId,
      protocolVersion: options.protocolVersion ?? 4,
      clean: true,
      reconnectPeriod: 1000,
      connectTimeout: CONNECT_DEADLINE_MS,
      ...pick(options, 'username', 'password', 'ca', 'cert', 'key'),
    };
    if (options.will !== undefined) {
      const payload = JSON.stringify({ body: options.will.message });
      mqttOptions.will = { topic: options.will.topic, payload: Buffer.from(payload), qos: 1, retain: true };
    }
    let client: MqttClient;
    try {
      client = await connectAsync(options.url, mqttOptions, false);
    } catch (error) {
      const reason = messageOf(error);
      if (isRefusal(error)) {
        throw new FieldbidError('BUS_REFUSED', `the broker at ${url.host} refuses us: ${reason}`, {
          cause: error,
        });
      }
      const options = { cause: error, retryable: true };
      throw new FieldbidError('BUS_UNAVAILABLE', `no broker at ${url.host}: ${reason}`, options);
    }
    const bus = new MqttBus(client, options);
    await client.subscribeAsync(bus.#replyTopic, { qos: 1 });
    return bus;
  }

  private constructor(client: MqttClient, options: MqttBusOptions) {
    this.#client = client;
    this.#options = options;
    this.#replyTopic = topics.replies(`${options.clientId}-${randomUUID().slice(0, 8)}`);
    // Requests and answers are small and wait for each other: Nagle's algorithm adds 40 ms and more to each.
    client.on('connect', () => disableNagle(client));
    disableNagle(client);
    client.on('message', (topic, payload) => this.#receive(topic, payload));
    client.on('error', (error) => options.onFault?.({ topic: '', error }));
  }

  publish(topic: string, message: unknown, options: PublishOptions = {}): Promise<void> {
    return this.#send(topic, { body: message as Json }, options.retain ?? false);
  }

  async subscribe(
    filter: string,
    handler: (received: Received) => void | Promise<void>,
  ): Promise<Subscription> {
    return this.#listen(filter, async (received) => handler(received));
  }

  async request(topic: string, message: unknown, deadline_ms: number): Promise<Json> {
    const request = `${++this.#serial}`;
    const answer = new Promise<Json>((resolve, reject) => {
      this.#asked.set(request, { answer: resolve, fail: reject });
    });
    // A failure of the answer must not be unhandled while the request is still being sent.
    answer.catch(() => {});
    try {
      const sent = this.#send(topic, { body: message as Json, replyTo: this.#replyTopic, request }, false);
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
      await this.#send(replyTo, reply, false);
    });
  }

  async close(): Promise<void> {
    for (const { fail } of this.#asked.values()) fail(new FieldbidError('BUS_CLOSED', 'the bus was closed'));
    this.#asked.clear();
    await this.#client.endAsync();
  }

  async #listen(
    filter: string,
    handle: (received: Received, envelope: Envelope) => Promise<void>,
  ): Promise<Subscription> {
    const handler: Handler = { filter, handle, tail: Promise.resolve() };
    this.#handlers.add(handler);
    await this.#client.subscribeAsync(filter, { qos: 1 });
    return {
      close: async () => {
        this.#handlers.delete(handler);
        const stillWanted = [...this.#handlers].some((other) => other.filter === filter);
        if (!stillWanted && this.#client.connected) await this.#client.unsubscribeAsync(filter);
      },
    };
  }

  async #send(topic: string, envelope: Envelope, retain: boolean): Promise<void> {
    const sent = this.#client.publishAsync(topic, JSON.stringify(envelope), { qos: 1, retain });
    try {
      await withDeadline(sent, PUBLISH_DEADLINE_MS, `the broker, asked to take a message for ${topic},`);
    } catch (error) {
      throw new FieldbidError('BUS_UNAVAILABLE', messageOf(error), { cause: error, retryable: true });
    }
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

/** CONNACK codes for bad credentials and missing rights: MQTT 3.1.1 (3.2.2.3) 4, 5; MQTT 5 (3.2.2.2) 0x86, 0x87. */
function isRefusal(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return [4, 5, 0x86, 0x87].includes(code as number);
}

function brokerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mqtt:', 'mqtts:'].includes(url.protocol)) {
    throw new InputError({
      source: 'broker',
      path: '/url',
      found: JSON.stringify(text),
      expected: 'mqtt://HOST:PORT or mqtts://HOST:PORT',
    });
  }
  return url;
}

function openEnvelope(topic: string, payload: Buffer): Envelope {
  const wrong = (found: string, expected: string) =>
    new InputError({ source: topic, path: '', found, expected });
  if (payload.length > LARGEST_MESSAGE_BYTES) {
    throw wrong(`${payload.length} bytes`, `at most ${LARGEST_MESSAGE_BYTES} bytes`);
  }
  let envelope: unknown;
  try {
    envelope = JSON.parse(payload.toString('utf8'));
  } catch {
    throw wrong(`${payload.length} bytes that are not JSON`, 'a JSON envelope {"body": ...}');
  }
  if (typeof envelope !== 'object' || envelope === null || !('body' in envelope)) {
    throw wrong('JSON without a body', 'a JSON envelope {"body": ...}');
  }
  return envelope as Envelope;
}

function remoteError(error: { code: string; message: string }): FieldbidError {
  return new FieldbidError('BUS_REMOTE_ERROR', `${error.code}: ${error.message}`, { details: error });
}

function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  const out: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) out[key] = from[key];
  return out;
}
