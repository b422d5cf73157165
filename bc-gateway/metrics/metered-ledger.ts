/** A ledger whose calls are counted and timed; everything else is the ledger's own. */
import { codeOf } from '@fieldbid/core/errors';
import type { Ledger } from '../ledger/ledger.ts';
import type { GatewayMetrics, LedgerCall } from './gateway-metrics.ts';

function wasRefused(result: unknown): boolean {
  return (result as { outcome?: string }).outcome === 'refused';
}

export function meteredLedger(ledger: Ledger, metrics: GatewayMetrics): Ledger {
  const metered = async <T>(call: LedgerCall, transaction: string, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const since_ms = (): number => performance.now() - from;
    try {
      const result = await work();
      metrics.ledgerCall(call, transaction, wasRefused(result) ? 'refused' : 'ok', since_ms());
      return result;
    } catch (error) {
      metrics.ledgerCall(call, transaction, 'failed', since_ms());
      metrics.ledgerFault(codeOf(error));
      throw error;
    }
  };
  return {
    identity: (name) => ledger.identity(name),
    endorse: (identity, name, payload) =>
      metered('endorse', name, () => ledger.endorse(identity, name, payload)),
    // Of bytes it is not known which transaction they are.
    commit: (endorsed) => metered('commit', 'any', () => ledger.commit(endorsed)),
    evaluate: (identity, name, payload) =>
      metered('evaluate', name, () => ledger.evaluate(identity, name, payload)),
    status: (txId) => ledger.status(txId),
    events: (after, signal, until) => ledger.events(after, signal, until),
    head: () => ledger.head(),
    verify: () => ledger.verify(),
    close: () => ledger.close(),
  };
}
