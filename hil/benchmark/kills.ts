/**
 * What of a market's records survives when its gateway is killed again and again (`--kills`, 100 by default), and on
 * Fabric peers, orderer and contract services with it (a fifth as often).
 */
import { startPostgresql, WITHOUT_POSTGRESQL } from '@fieldbid/bc-gateway/testing/postgresql';
import { startFabric, WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import type { KilledMarketReport } from '../ledger/killed-market.ts';
import { killEmbeddedGateway, killOnFabric } from '../ledger/kills.ts';

export async function killsFigures({ kills = 100 }: { kills?: number }): Promise<[string, string, string][]> {
  const progress = (done: number, intervals: number): void => {
    if (done % 10 === 0) console.error(`${done} of ${kills} kills, ${intervals} intervals`);
  };
  const rows = [
    row(`gateway killed ${kills} times, embedded ledger`, await killEmbeddedGateway(kills, 1, progress)),
  ];
  if (WITHOUT_FABRIC !== undefined) return [...rows, ['the same on Fabric', 'not measured', WITHOUT_FABRIC]];
  const network = await startFabric();
  try {
    const few = Math.ceil(kills / 5);
    const server = WITHOUT_POSTGRESQL === undefined ? await startPostgresql() : undefined;
    const report = await killOnFabric(network, await server?.database(), few, 1, progress);
    await server?.stop();
    const whom = Object.entries(report.kills).map(([name, count]) => `${name} ${count}`);
    rows.push(row(`${few} kills on Fabric: ${whom.join(', ')}`, report));
  } finally {
    await network.delete();
  }
  return rows;
}

function row(what: string, report: KilledMarketReport): [string, string, string] {
  for (const fault of report.faults) console.error(fault);
  const { acknowledged, answersLost, faults, intervals } = report;
  return [
    what,
    `${acknowledged} revisions acknowledged in ${intervals} intervals, ${answersLost} answers lost`,
    `${faults.length} lost, doubled or different (limit 0)`,
  ];
}
