/** What the uplink's buffer holds and has given up since the start, for who watches the agent. */
import type { Loss, RecordKind } from './record.ts';

export class UplinkCounts {
  /** Bytes of the records that wait for the broker; 0 without a buffer, or while it cannot be used. */
  bytes: () => number = () => 0;
  /** Records given up, by kind. */
  readonly lost: Record<RecordKind, number> = { measurement: 0, verdict: 0 };

  add(losses: readonly Pick<Loss, 'kind' | 'count'>[]): void {
    for (const { kind, count } of losses) this.lost[kind] += count;
  }
}
