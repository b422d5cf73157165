/** The uplink of an agent as its config says: the bus itself, or one with a buffer in a file. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { besideFile } from '@fieldbid/core/config';
import type { Logger } from '@fieldbid/core/logging';
import { BufferedBus } from './buffered-bus.ts';
import type { UplinkConfig } from './config.ts';
import type { Stamp } from './record.ts';
import { RecordQueue } from './record-queue.ts';

export interface UplinkParts {
  readonly bus: Bus;
  readonly agentId: string;
  readonly deraId: string;
  /** Numbers, and signs where there is a key. */
  readonly stamp?: Stamp;
  readonly log: Logger;
}

/** @param configFile paths in `config` are relative to it. */
export async function openUplink(config: UplinkConfig, configFile: string, parts: UplinkParts): Promise<Bus> {
  if (config.bufferFile === null) return parts.bus;
  const { maxBytes, drop } = config;
  const file = besideFile(configFile, config.bufferFile ?? `${parts.agentId}.buffer.sqlite`);
  const stamp = parts.stamp === undefined ? {} : { stamp: parts.stamp };
  const openQueue = (): Promise<RecordQueue> => RecordQueue.open({ file, maxBytes, drop, ...stamp });
  return BufferedBus.open({ ...parts, openQueue });
}
