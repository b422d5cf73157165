/** How a connection to an MQTT broker is set up: what a config says, as the library's options. */
import type { IClientOptions } from 'mqtt';
import { InputError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';

const CONNECT_DEADLINE_MS = 10_000;
const RECONNECT_PERIOD_MS = 1000;
/** A broker notices a dead connection after 1.5 times this (MQTT 5, 3.1.2.10). */
const KEEPALIVE_S = 20;
/** MQTT 5: how long a broker keeps subscriptions and messages for a client whose connection has broken. */
const SESSION_EXPIRY_S = 3600;
/** MQTT 5: messages that a broker may have under way to us: a burst waits there, not in our memory. */
const RECEIVE_MAXIMUM = 100;

export interface MqttWill {
  readonly topic: string;
  readonly message: unknown;
  /** MQTT 5: a connection that is back so soon, seconds, was no death. 0 by default. */
  readonly delay_s?: number;
}

export interface MqttBusOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. Without TLS only loopback is accepted unless allowed. */
  url: string;
  clientId: string;
  username?: string;
  password?: string;
  /** PEM contents for `mqtts://`: who vouches for the broker; our own certificate and its key. */
  ca?: string;
  cert?: string;
  key?: string;
  /** Accept `mqtt://` to another machine: messages and credentials then cross the network in clear. */
  allowInsecure?: boolean;
  /** MQTT protocol: 4 is 3.1.1 (every broker), 5 is 5.0. */
  protocolVersion?: 4 | 5;
  /** Told to the others by the broker if this client dies without closing. Retained. */
  will?: MqttWill;
  /**
   * How long what is to be sent waits for a broken connection to come back, real ms; 10 s by default. On a clock that
   * stands still meanwhile, a guard only.
   */
  reconnectDeadline_ms?: number;
  /** What this side could not handle: malformed messages, failing handlers. Never throws. */
  onFault?: (fault: { topic: string; error: unknown }) => void;
}

/** @throws InputError for what is no MQTT URL, and for a plain-text one to another machine. */
export function brokerUrl({ url: text, allowInsecure }: MqttBusOptions): URL {
  const fault = (expected: string): InputError =>
    new InputError({ source: 'broker', path: '/url', found: JSON.stringify(text), expected });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mqtt:', 'mqtts:'].includes(url.protocol)) {
    throw fault('mqtt://HOST:PORT or mqtts://HOST:PORT');
  }
  if (url.protocol === 'mqtt:' && !isLoopback(url.hostname) && allowInsecure !== true) {
    throw fault('mqtts:// to another machine (or allowInsecure: true, which sends everything in clear)');
  }
  return url;
}

export function clientOptions(options: MqttBusOptions): IClientOptions {
  const protocolVersion = options.protocolVersion ?? 4;
  const out: IClientOptions = {
    clientId: options.clientId,
    protocolVersion,
    // A program that was started again asks for everything anew; `keepSession` follows once it is connected.
    clean: true,
    keepalive: KEEPALIVE_S,
    reconnectPeriod: RECONNECT_PERIOD_MS,
    reconnectOnConnackError: true,
    connectTimeout: CONNECT_DEADLINE_MS,
    ...pick(options, 'username', 'password', 'ca', 'cert', 'key'),
  };
  if (protocolVersion === 5) {
    out.properties = { sessionExpiryInterval: SESSION_EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM };
  }
  if (options.will !== undefined) {
    const { topic, message, delay_s } = options.will;
    const payload = Buffer.from(JSON.stringify({ body: message }));
    out.will = { topic, payload, qos: 1, retain: true };
    if (protocolVersion === 5) out.will.properties = { willDelayInterval: delay_s ?? 0 };
  }
  return out;
}

function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Partial<Pick<T, K>> {
  const out: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) out[key] = from[key];
  return out;
}
