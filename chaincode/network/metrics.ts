/** M8, M31 · What peers and orderer say of themselves on their operations endpoints (Prometheus text): the figures that matter. */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { ConnectionProfile } from './connection-profile.ts';

export interface NodeMetrics {
  readonly name: string;
  /** Undefined: it does not answer; `fault` says why. */
  readonly figures: readonly (readonly [what: string, value: string])[] | undefined;
  readonly fault?: string;
}

const DEADLINE_MS = 3000;

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Of one node, what an operator asks first. @see Fabric 2.5, metrics reference. */
const FIGURES: readonly (readonly [
  what: string,
  figure: (samples: readonly Sample[]) => number | undefined,
  unit: string,
])[] = [
  ['blocks', (s) => highest(s, 'ledger_blockchain_height'), ''],
  ['transactions valid', (s) => sum(s, 'ledger_transaction_count', 'validation_code="VALID"'), ''],
  ['transactions in conflict', (s) => sum(s, 'ledger_transaction_count', 'READ_CONFLICT'), ''],
  ['proposals endorsed', (s) => sum(s, 'endorser_successful_proposals'), ''],
  ['proposals failed', (s) => sum(s, 'endorser_endorsement_failures'), ''],
  ['proposal, mean', (s) => mean(s, 'endorser_proposal_duration'), 'ms'],
  ['block committed, mean', (s) => mean(s, 'ledger_block_processing_time'), 'ms'],
  ['peers known', (s) => highest(s, 'gossip_membership_total_peers_known'), ''],
  ['envelopes ordered', (s) => sum(s, 'broadcast_processed_count', 'status="SUCCESS"'), ''],
  ['raft leader', (s) => highest(s, 'consensus_etcdraft_is_leader'), ''],
  ['memory', (s) => megabytes(highest(s, 'process_resident_memory_bytes')), 'MiB'],
];

/** Asks each node that the profile names an operations endpoint of. */
export async function networkMetrics(profile: ConnectionProfile): Promise<NodeMetrics[]> {
  const nodes = [
    ...profile.peers.map(({ mspId, operationsUrl }) => ({ name: `peer of ${mspId}`, url: operationsUrl })),
    { name: 'orderer', url: profile.ordererOperationsUrl },
  ].filter((node): node is { name: string; url: string } => node.url !== undefined);
  if (nodes.length === 0) {
    throw new FieldbidError(
      'NO_METRICS',
      'the profile names no operationsUrl of a peer, nor ordererOperationsUrl',
    );
  }
  return Promise.all(nodes.map(({ name, url }) => nodeMetrics(name, url)));
}

async function nodeMetrics(name: string, url: string): Promise<NodeMetrics> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (!response.ok) return { name, figures: undefined, fault: `${url}/metrics answers ${response.status}` };
    return { name, figures: figuresOf(await response.text()) };
  } catch (error) {
    return { name, figures: undefined, fault: `${url}: ${messageOf((error as Error).cause ?? error)}` };
  }
}

/** @param text Prometheus text exposition, 0.0.4. */
export function figuresOf(text: string): [what: string, value: string][] {
  const samples = text.split('\n').flatMap((line): Sample[] => {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels, value: Number(value) }];
  });
  return FIGURES.flatMap(([what, figure, unit]): [string, string][] => {
    const value = figure(samples);
    if (value === undefined || Number.isNaN(value)) return [];
    const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
    return [[what, unit === '' ? text : `${text} ${unit}`]];
  });
}

function valuesOf(samples: readonly Sample[], name: string, label = ''): number[] {
  return samples.flatMap((sample) =>
    sample.name === name && sample.labels.includes(label) ? [sample.value] : [],
  );
}

function sum(samples: readonly Sample[], name: string, label?: string): number | undefined {
  const values = valuesOf(samples, name, label);
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
}

function highest(samples: readonly Sample[], name: string): number | undefined {
  const values = valuesOf(samples, name);
  return values.length === 0 ? undefined : Math.max(...values);
}

/** Of a histogram in seconds, ms. */
function mean(samples: readonly Sample[], name: string): number | undefined {
  const [total, count] = [sum(samples, `${name}_sum`), sum(samples, `${name}_count`)];
  return total === undefined || !count ? undefined : (1000 * total) / count;
}

function megabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : Math.round(bytes / 2 ** 20);
}
