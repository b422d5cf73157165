/** How much of a market's records survives a gateway that is killed again and again: `--kills`, 100 by default. */
import { killEmbeddedGateway } from '../ledger/kills.ts';

export async function killsFigures({ kills = 100 }: { kills?: number }): Promise<[string, string, string][]> {
  const progress = (done: number, intervals: number): void => {
    if (done % 10 === 0) console.error(`${done} of ${kills} kills, ${intervals} intervals`);
  };
  const report = await killEmbeddedGateway(kills, kills, progress);
  for (const fault of report.faults) console.error(fault);
  const { acknowledged, answersLost, faults, intervals } = report;
  return [
    [
      `gateway killed ${kills} times (embedded ledger, SQLite)`,
      `${acknowledged} revisions acknowledged in ${intervals} intervals, ${answersLost} answers lost`,
      `${faults.length} lost, doubled or different (limit 0)`,
    ],
  ];
}
