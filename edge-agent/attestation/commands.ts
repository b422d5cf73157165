/** `fieldbid edge enrol|rotate-key|key|verify-readings`: the device key, and what it proves. */
import { createInterface } from 'node:readline';
import { type Command, logLevelOption } from '@fieldbid/core/cli/command';
import { readConfig, readText } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { createLogger } from '@fieldbid/core/logging';
import { Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { connectBus } from '@fieldbid/core/service-config';
import { EdgeConfig, keyFileOf } from '../config.ts';
import { enrol, requireAccepted, rotate } from './enrol.ts';
import { adoptNextKey, deviceKey, nextKey, readPublicKey } from './key-file.ts';
import { verifyReadings } from './readings.ts';

const CODE_VARIABLE = 'FIELDBID_ENROL_CODE';

export function registerAttestation(edge: Command): void {
  edge
    .command('enrol')
    .description(
      'Make the device key known to the aggregator, by its one-time code. The key is made when there is none; the code is read from standard input, unless it is given otherwise, and leaves this machine as a proof only.',
    )
    .requiredOption('--config <file>', "the agent's YAML file")
    .requiredOption('--der <id>', 'DER of the file')
    .option(
      '--code <code>',
      `the code; better from standard input or ${CODE_VARIABLE}: others see command lines`,
    )
    .addOption(logLevelOption().default('warn'))
    .action(enrolDevice);
  edge
    .command('rotate-key')
    .description(
      'Replace the device key for every DER of the file that is enrolled. A running agent follows. What broke off goes on when it is called again.',
    )
    .requiredOption('--config <file>', "the agent's YAML file")
    .addOption(logLevelOption().default('warn'))
    .action(rotateKey);
  edge
    .command('key')
    .description('Print the public device key as JWK, and its thumbprint (RFC 7638) on standard error.')
    .requiredOption('--config <file>', "the agent's YAML file")
    .action(({ config }: { config: string }) => {
      const { publicKey, keyId } = deviceKey(keyFileOf(readConfig(EdgeConfig, config), config));
      console.log(JSON.stringify(publicKey));
      console.error(keyId);
    });
  edge
    .command('verify-readings')
    .description(
      'Check signed readings: whether the key signed them, in this form, none missing, none inserted. Names the first fault.',
    )
    .argument('<file>', 'one reading a line, JSON, as it comes from the measurement topic (mosquitto_sub)')
    .requiredOption('--key <file...>', 'public key, PEM or JWK; several after a rotation')
    .action(verifyFile);
}

interface Options {
  config: string;
  logLevel: string;
}

async function enrolDevice(options: Options & { der: string; code?: string }): Promise<void> {
  const config = readConfig(EdgeConfig, options.config);
  const device = config.devices.find(({ derId }) => derId === options.der);
  if (device === undefined) {
    const expected = `one of ${config.devices.map(({ derId }) => derId).join(', ')}`;
    throw new InputError({ source: '--der', path: '', found: options.der, expected });
  }
  const code = options.code ?? process.env[CODE_VARIABLE] ?? (await firstLine());
  const signer = deviceKey(keyFileOf(config, options.config));
  const bus = await connect(config, options, 'enrol');
  try {
    const { derId, deviceIds } = device;
    const answer = await enrol(bus, signer, { deraId: config.market.deraId, derId, deviceIds }, code);
    console.log(`${derId} is enrolled with the key ${requireAccepted(answer, derId)}`);
  } finally {
    await bus.close();
  }
}

/** Of standard input; a person at a terminal is asked. */
async function firstLine(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('code: ');
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
  }
}

async function rotateKey(options: Options): Promise<void> {
  const config = readConfig(EdgeConfig, options.config);
  const file = keyFileOf(config, options.config);
  const keys = { old: deviceKey(file), next: nextKey(file) };
  const bus = await connect(config, options, 'rotate');
  const rotated: string[] = [];
  try {
    for (const { derId } of config.devices) {
      const answer = await rotate(bus, keys, { deraId: config.market.deraId, derId });
      if (!answer.accepted && answer.code === 'NOT_ENROLLED') continue;
      requireAccepted(answer, derId);
      rotated.push(derId);
    }
  } finally {
    await bus.close();
  }
  adoptNextKey(file);
  const whose = rotated.length === 0 ? 'no DER was enrolled with it' : rotated.join(', ');
  console.log(`the key is now ${keys.next.keyId}: ${whose}`);
}

/** Beside a running agent, whose client id is its own. */
function connect(config: EdgeConfig, options: Options, what: string) {
  const log = createLogger({ level: options.logLevel }).child({ room: 'edge-agent' });
  return connectBus(config.broker, `${config.agentId}-${what}-${process.pid}`, options.config, log);
}

function verifyFile(file: string, { key }: { key: string[] }): void {
  const readings = readText(file)
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [readingOf(line, `${file}:${i + 1}`)]));
  const found = verifyReadings(readings, key.map(readPublicKey));
  if (found.holds) {
    console.log(
      `${found.readings} readings of ${found.derIds.join(', ') || 'nobody'}: signed, whole, unchanged`,
    );
    return;
  }
  const { kind, derId, sequence, reason } = found;
  console.log(`${kind}: ${derId}, reading ${sequence ?? 'without number'}: ${reason}`);
  process.exitCode = 1;
}

/** A line as it was published, with or without the bus's envelope. */
function readingOf(line: string, source: string): Measurement {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InputError({ source, path: '', found: 'no JSON', expected: 'one reading a line' });
  }
  const message = typeof value === 'object' && value !== null && 'body' in value ? value.body : value;
  return parse(Measurement, message, source);
}
