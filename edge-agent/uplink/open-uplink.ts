/** The uplink of an agent as its config says: the bus itself, or one with a buffer in a file. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { besideFile } from '@fieldbid/core/config';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { BufferedBus } from './buffered-bus.ts';
import type { UplinkConfig } from './config.ts';
import type { UplinkCounts } from './counts.ts';
import { openOrSetAside } from './damaged.ts';
import type { Loss, Stamp } from './record.ts';
import { RecordQueue } from './record-queue.ts';

export interface UplinkParts {
  readonly bus: Bus;
  readonly agentId: string;
  readonly deraId: string;
  /** Numbers, and signs where there is a key. */
  readonly stamp?: Stamp;
  readonly log: Logger;
  /** Told what the buffer holds and gives up. */
  readonly counts?: UplinkCounts;
}

/** A full buffer gives something up with every record: it is said once a minute. Real ms. */
const SAY_AGAIN_MS = 60_000;

/** @param configFile paths in `config` are relative to it. */
export async function openUplink(config: UplinkConfig, configFile: string, parts: UplinkParts): Promise<Bus> {
  if (config.bufferFile === null) return parts.bus;
  const { maxBytes, drop } = config;
  const file = besideFile(configFile, config.bufferFile ?? `${parts.agentId}.buffer.sqlite`);
  const stamp = parts.stamp === undefined ? {} : { stamp: parts.stamp };
  let said_ms = Number.NEGATIVE_INFINITY;
  const onLoss = (losses: readonly Loss[]): void => {
    parts.counts?.add(losses);
    if (performance.now() - said_ms < SAY_AGAIN_MS) return;
    said_ms = performance.now();
    parts.log.warn(
      { agentId: parts.agentId, losses },
      'records are given up: the buffer is full, or the broker refuses them for good',
    );
  };
  const open = (): Promise<RecordQueue> => RecordQueue.open({ file, maxBytes, drop, onLoss, ...stamp });
  const openQueue = (): Promise<RecordQueue> =>
    openOrSetAside(file, open, (error, aside) => {
      const sentence = `the buffer is damaged and was set aside as ${aside}: ${messageOf(error)}`;
      parts.log.error({ agentId: parts.agentId, code: codeOf(error) }, sentence);
    });
  return BufferedBus.open({ ...parts, openQueue });
}
