/** What the DSO needs of the BC-GW; `GatewayClient` (core/gateway-api/client.ts) is one. */
import type {
  Decision,
  IntervalState,
  LedgerEvent,
  MeritOrder,
  Qualification,
  RegistryEntry,
  SubmitResult,
} from '@fieldbid/core/gateway-api/schemas';

export interface DsoGateway {
  readDer(derId: string): Promise<RegistryEntry>;
  qualifyDer(derId: string, qualification: Qualification): Promise<RegistryEntry>;
  readMeritOrder(intervalId: string): Promise<MeritOrder>;
  readInterval(intervalId: string): Promise<IntervalState>;
  decide(intervalId: string, decision: Decision): Promise<SubmitResult>;
  confirmDispatch(intervalId: string, dispatch: Decision): Promise<SubmitResult>;
  events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent>;
}
