/** `fieldbid edge dump`: a device's registers as they are, without what names its owner. Nothing is written. */
import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from '@fieldbid/core/cli/command';
import type { RegisterLink } from '../drivers/modbus/register-link.ts';
import { pointDefinition } from '../drivers/sunspec/models.ts';
import { ModelReader } from '../drivers/sunspec/read-models.ts';
import type { Block, ScanResult } from '../drivers/sunspec/scan.ts';
import type { DeviceProfile } from '../profiles/profile.ts';
import { scanned } from './read.ts';
import { forReading, type TargetOptions, targetOptions, withLink } from './target.ts';

export interface RegisterDump {
  readonly origin: string;
  readonly kind: string;
  readonly base: number | null;
  /** Holding registers: word by address, counted from 0. */
  readonly registers: Readonly<Record<string, number>>;
}

interface DumpOptions extends TargetOptions {
  out?: string;
  registers?: readonly { from: number; to: number }[];
  keepSerials?: boolean;
}

export function registerDump(edge: Command): void {
  targetOptions(
    edge
      .command('dump')
      .description(
        'Save all registers of a device to a file that `fieldbid edge replay` serves again. Nothing is written.',
      ),
  )
    .option('--out <file>', 'file to write; standard output without it')
    .option(
      '--registers <ranges>',
      'for devices without SunSpec: ranges such as 30000-30100,32000-32120',
      ranges,
    )
    .option('--keep-serials', 'do not blank serial numbers and network names')
    .addHelpText(
      'after',
      `
Serial numbers, addresses and names in the models 1 and 11 to 19 are blanked, so that a dump can be shared.
Vendor models may hold some too: look before you publish one.

Example:
  $ npx fieldbid edge dump 'tcp://192.0.2.10:502?unit=1' --out roof.json
  $ npx fieldbid edge replay roof.json --listen 127.0.0.1:15021`,
    )
    .action((endpoint: string, options: DumpOptions) =>
      forReading(options, (tried) => dumpDevice(endpoint, tried)),
    );
}

async function dumpDevice(endpoint: string, options: DumpOptions): Promise<void> {
  const dump = await withLink(endpoint, options, (link, profile) => dumpOf(link, profile, options));
  const text = `${JSON.stringify(dump, null, 1)}\n`;
  if (options.out === undefined) process.stdout.write(text);
  else {
    writeFileSync(options.out, text);
    console.log(`${Object.keys(dump.registers).length} registers written to ${options.out}`);
  }
}

async function dumpOf(
  link: RegisterLink,
  profile: DeviceProfile,
  options: DumpOptions,
): Promise<RegisterDump> {
  const blocks: Block[] = [];
  let base: number | null = null;
  let redacted = new Set<number>();
  if (profile.sunspec && options.registers === undefined) {
    const found = await scanned(link, profile);
    const reader = new ModelReader(link, found.models, found.blocks);
    blocks.push(...(await reader.read(found.blocks)).blocks);
    base = found.base;
    if (options.keepSerials !== true) redacted = namingRegisters(found);
  }
  for (const { from, to } of options.registers ?? []) {
    for (let address = from; address <= to; address += profile.modbus.maxRead) {
      const count = Math.min(profile.modbus.maxRead, to - address + 1);
      blocks.push({ address, words: await link.read(address, count) });
    }
  }
  const words = new Map<number, number>();
  for (const block of blocks) {
    block.words.forEach(
      (word, i) => void words.set(block.address + i, redacted.has(block.address + i) ? 0 : word),
    );
  }
  const sorted = [...words].sort(([a], [b]) => a - b);
  return {
    origin: `fieldbid edge dump, ${new Date().toISOString().slice(0, 10)}`,
    kind: 'register dump',
    base,
    registers: Object.fromEntries(sorted.map(([address, word]) => [String(address), word])),
  };
}

/** Points that name a device, its network or its owner. */
const NAMING: Readonly<Record<number, readonly string[]>> = {
  1: ['SN'],
  11: ['MAC', 'Nam'],
  12: ['Nam', 'Addr', 'Gw', 'DNS1', 'DNS2', 'NTP1', 'NTP2', 'DomNam', 'HostNam'],
  13: ['Nam', 'Addr', 'Gw', 'DNS1', 'DNS2', 'NTP1', 'NTP2', 'DomNam', 'HostNam'],
  16: ['Nam', 'Addr', 'Gw', 'DNS1', 'DNS2', 'MAC'],
  18: ['Nam', 'IMEI', 'APN', 'Num', 'Pin'],
  19: ['Nam', 'UsrNam', 'Pw'],
};

function namingRegisters({ models }: ScanResult): Set<number> {
  const found = new Set<number>();
  for (const { id, address, length } of models) {
    for (const name of NAMING[id] ?? []) {
      const { offset, size } = pointDefinition(id, name);
      for (let i = 0; i < size && offset + i < length + 2; i++) found.add(address + offset + i);
    }
  }
  return found;
}

function ranges(text: string): { from: number; to: number }[] {
  return text.split(',').map((part) => {
    const [from, to = from] = part.split('-').map(Number);
    if (
      !/^\d{1,5}(-\d{1,5})?$/.test(part) ||
      from === undefined ||
      to === undefined ||
      from > to ||
      to > 65_535
    ) {
      throw new InvalidArgumentError('expected register ranges, such as 30000-30100,32000-32120');
    }
    return { from, to };
  });
}
