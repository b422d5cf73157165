/** The page as one thing: listens on the bus, follows the ledger, serves. Used by the bench and by `fieldbid dashboard run`. */
import type { Bus } from '@fieldbid/core/bus/bus';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { FaultControl } from '@fieldbid/core/lab/faults';
import type { Logger } from '@fieldbid/core/logging';
import type { Access } from './http/access.ts';
import { type PageServer, servePage } from './http/server.ts';
import { listen } from './state/bus-feed.ts';
import { followLedger } from './state/ledger-feed.ts';
import { MarketState } from './state/market-state.ts';

export interface PageParts {
  readonly bus: Bus;
  /** With an operator's key; absent: the page shows what the bus says, and no bids or records. */
  readonly gateway?: GatewayClient;
  /** Absent: the page cannot inject faults. */
  readonly faults?: FaultControl;
  readonly access: Access;
  /** File or flag that the access is from, for a refusal. */
  readonly source: string;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Market ms per real ms; null where time moves as the work allows. */
  readonly speed: number | null;
  readonly log: Logger;
}

/** @returns the server; closing it ends everything but the bus. @throws as `servePage`. */
export async function openPage(parts: PageParts): Promise<PageServer> {
  const { bus, gateway, faults, access, source, now, speed, log } = parts;
  const state = new MarketState({ now, speed });
  const server = await servePage({
    ...{ access, source, state, log },
    ...(gateway === undefined ? {} : { records: gateway }),
    ...(faults === undefined ? {} : { faults }),
  });
  const ending = new AbortController();
  const following = gateway === undefined ? undefined : followLedger(gateway, state, log, ending.signal);
  const stopListening = await listen(bus, state, log);
  return {
    url: server.url,
    close: async () => {
      ending.abort();
      await server.close();
      await stopListening();
      await following;
    },
  };
}
