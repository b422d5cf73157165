/**
 * What the config files of all services share: the broker and the BC-GW they speak to. Secrets are named by
 * file or environment variable, never written into the config.
 */
import Type, { type Static } from 'typebox';
import { MqttBus, type MqttBusOptions } from './bus/mqtt-bus.ts';
import { besideFile, readText } from './config.ts';
import { codeOf, InputError, messageOf } from './errors.ts';
import { GatewayClient } from './gateway-api/client.ts';
import type { Logger } from './logging.ts';
import { whileStarting } from './retry.ts';

const closed = { additionalProperties: false } as const;

export const BrokerConfig = Type.Object(
  {
    url: Type.String({ pattern: '^mqtts?://' }),
    username: Type.Optional(Type.String()),
    /** File that holds the password; or environment variable FIELDBID_BROKER_PASSWORD. */
    passwordFile: Type.Optional(Type.String()),
    /** PEM files for mqtts. */
    caFile: Type.Optional(Type.String()),
    certFile: Type.Optional(Type.String()),
    keyFile: Type.Optional(Type.String()),
    protocolVersion: Type.Optional(Type.Enum([4, 5])),
    /** Accept plain mqtt:// to another machine. */
    allowInsecure: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type BrokerConfig = Static<typeof BrokerConfig>;

export const GatewayConfig = Type.Object(
  {
    /** Several, of gateways on one database: where one does not answer, the next is asked. */
    url: Type.Union([
      Type.String({ pattern: '^https?://' }),
      Type.Array(Type.String({ pattern: '^https?://' }), { minItems: 1, maxItems: 16 }),
    ]),
    /** Accept plain http:// to another machine. */
    allowInsecure: Type.Optional(Type.Boolean()),
    /** File that holds the API key; or environment variable FIELDBID_API_KEY. */
    apiKeyFile: Type.Optional(Type.String()),
  },
  closed,
);
export type GatewayConfig = Static<typeof GatewayConfig>;

/** Options of an MqttBus from a config section; files are relative to the config file. */
export function busOptions(config: BrokerConfig, clientId: string, configFile: string): MqttBusOptions {
  const pem = (path: string | undefined) =>
    path === undefined ? undefined : readText(besideFile(configFile, path));
  const password =
    config.passwordFile === undefined
      ? process.env.FIELDBID_BROKER_PASSWORD
      : readText(besideFile(configFile, config.passwordFile)).trim();
  return defined({
    url: config.url,
    clientId,
    username: config.username,
    password,
    ca: pem(config.caFile),
    cert: pem(config.certFile),
    key: pem(config.keyFile),
    protocolVersion: config.protocolVersion as 4 | 5 | undefined,
    allowInsecure: config.allowInsecure,
  }) as unknown as MqttBusOptions;
}

/**
 * Connects as a config section says, and waits for a broker that is still starting.
 * @param more options that are not in the config: the will, what to do with faults.
 * @throws as `MqttBus.connect`, after two minutes when it is the broker that is missing.
 */
export function connectBus(
  config: BrokerConfig,
  clientId: string,
  configFile: string,
  log: Logger,
  more: Pick<MqttBusOptions, 'will'> = {},
): Promise<MqttBus> {
  const onFault: MqttBusOptions['onFault'] = ({ topic, error }) =>
    log.warn({ topic, code: codeOf(error) }, `bus: ${messageOf(error)}`);
  const options = { ...busOptions(config, clientId, configFile), ...more, onFault };
  return whileStarting(
    () => MqttBus.connect(options),
    (error) => log.warn({ code: codeOf(error) }, `waiting for the broker: ${messageOf(error)}`),
  );
}

/** Waits for a BC-GW that is still starting. @throws as `GatewayClient.health`, after two minutes. */
export async function gatewayUp(gateway: GatewayClient, log: Logger): Promise<void> {
  await whileStarting(
    () => gateway.health(),
    (error) => log.warn({ code: codeOf(error) }, `waiting for the BC-GW: ${messageOf(error)}`),
  );
}

/** @throws InputError when there is no API key. */
export function gatewayClient(config: GatewayConfig, configFile: string): GatewayClient {
  const apiKey =
    config.apiKeyFile === undefined
      ? process.env.FIELDBID_API_KEY
      : readText(besideFile(configFile, config.apiKeyFile)).trim();
  if (apiKey === undefined || apiKey === '') {
    throw new InputError({
      source: configFile,
      path: '/gateway/apiKeyFile',
      found: 'no API key',
      expected:
        'a file that holds it, or the environment variable FIELDBID_API_KEY (fieldbid gateway key add)',
    });
  }
  const { url, allowInsecure = false } = config;
  return new GatewayClient({ url, apiKey, allowInsecure });
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
