/**
 * Steps 5-7 and 10 on Fabric · What the contract may use of the ledger, over Fabric's chaincode stub. It
 * names the few things that it needs of Fabric itself, so it is checked and tested without Fabric's packages.
 *
 * As the contract expects: `getState` answers from the committed state, never with this transaction's writes.
 */
import type { Caller, TransactionContext } from '../transactions/context.ts';

/** Of the `ChaincodeStub` of fabric-shim-api 2.5. */
export interface FabricStub {
  getTxID(): string;
  /** As the client stated it in its proposal: the same for every endorser. */
  getTxTimestamp(): { seconds: { toString(): string }; nanos: number };
  /** Empty when there is no such key. */
  getState(key: string): Promise<Uint8Array>;
  putState(key: string, value: Uint8Array): Promise<void>;
  /** Keys in `[startKey, endKey)`, ascending by byte; closed by itself at the end or when left early. */
  getStateByRange(startKey: string, endKey: string): AsyncIterable<{ key: string; value: Uint8Array }>;
  setEvent(name: string, payload: Uint8Array): void;
}

/** Of the `ClientIdentity` of fabric-shim-api 2.5, which has read the signer's X.509 certificate. */
export interface FabricIdentity {
  getMSPID(): string;
  /** Of the certificate's extension 1.2.3.4.5.6.7.8.1, where Fabric CA writes attributes; null without it. */
  getAttributeValue(name: string): string | null;
}

/** Attributes of the certificate, as enrolled: `--id.attrs 'role=dera:ecert,deraId=north:ecert'`. */
const ROLE = 'role';
const DERA_ID = 'deraId';

export class FabricContext implements TransactionContext {
  readonly caller: Caller;
  readonly txId: string;
  readonly at_ms: number;
  readonly #stub: FabricStub;

  constructor(stub: FabricStub, identity: FabricIdentity) {
    this.#stub = stub;
    this.caller = {
      mspId: identity.getMSPID(),
      role: identity.getAttributeValue(ROLE) ?? '',
      deraId: identity.getAttributeValue(DERA_ID) ?? undefined,
    };
    this.txId = stub.getTxID();
    // Seconds come as a 64-bit object; epoch milliseconds fit a double until the year 287396.
    const { seconds, nanos } = stub.getTxTimestamp();
    this.at_ms = Number(seconds.toString()) * 1000 + Math.floor(nanos / 1e6);
  }

  async get(key: string): Promise<string | undefined> {
    const value = await this.#stub.getState(key);
    // Fabric cannot store an empty value, so empty means absent.
    return value.length === 0 ? undefined : decode(value);
  }

  put(key: string, value: string): Promise<void> {
    return this.#stub.putState(key, Buffer.from(value));
  }

  /**
   * Fabric fetches a hundred keys at a time, and checks at commit that none of those fetched has changed: a
   * little more counts as read than was.
   */
  async *range(from: string, to: string): AsyncIterable<{ key: string; value: string }> {
    for await (const { key, value } of this.#stub.getStateByRange(from, to)) {
      yield { key, value: decode(value) };
    }
  }

  setEvent(name: string, payload: string): void {
    this.#stub.setEvent(name, Buffer.from(payload));
  }
}

function decode(value: Uint8Array): string {
  return Buffer.from(value).toString('utf8');
}
