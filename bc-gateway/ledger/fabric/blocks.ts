/** Blocks of Fabric as they come from a peer, taken apart: what of each transaction matters here. */
import { messageOf } from '@fieldbid/core/errors';
import { common, ledger, msp, peer } from '@hyperledger/fabric-protos';

/** Common.HeaderType of a transaction of a contract. */
const ENDORSER_TRANSACTION = 3;
/** Where in a block's metadata the peers' verdicts are, one byte a transaction. */
const TRANSACTIONS_FILTER = 2;
export const VALID = 0;

export interface SignedBy {
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
  readonly signature: Uint8Array;
  /** What was signed. */
  readonly signed: Uint8Array;
}

export interface ParsedTransaction {
  /** Zero-based in its block. */
  readonly index: number;
  readonly txId: string;
  /** As its creator stated it, epoch ms. */
  readonly at_ms: number;
  /** Of peer.TxValidationCode; 0 is valid. */
  readonly validationCode: number;
  readonly creator: SignedBy;
  /** Of the contract asked for; empty for another contract's transaction, or none. */
  readonly endorsements: readonly SignedBy[];
  /** What was asked of the contract; undefined for another one's. */
  readonly call: { readonly transaction: string; readonly payload: string } | undefined;
  readonly event: { readonly name: string; readonly payload: string } | undefined;
  /** Keys written, in order; undefined: deleted. */
  readonly writes: readonly (readonly [key: string, value: string | undefined])[];
}

export interface ParsedBlock {
  readonly number: number;
  readonly previousHash: Uint8Array;
  readonly dataHash: Uint8Array;
  /** Envelopes as they are hashed. */
  readonly data: readonly Uint8Array[];
  readonly transactions: readonly ParsedTransaction[];
  /** Envelopes that peers took for valid, and that are no transaction of any known form. */
  readonly unreadable: readonly { readonly index: number; readonly reason: string }[];
}

/** @param contract whose transactions are taken apart; others keep their id and verdict only. */
export function parseBlock(block: common.Block, contract: string): ParsedBlock {
  const header = block.getHeader();
  const data = block.getData()?.getDataList_asU8() ?? [];
  const unreadable: ParsedBlock['unreadable'][number][] = [];
  const read = (bytes: Uint8Array, index: number): ParsedTransaction[] => {
    try {
      return parseEnvelope(bytes, index, filter[index] ?? 255, contract);
    } catch (error) {
      // Peers keep what is invalid too, and anybody may have sent it: only what counts has to be readable.
      if (filter[index] === VALID) unreadable.push({ index, reason: messageOf(error) });
      return [];
    }
  };
  const filter = block.getMetadata()?.getMetadataList_asU8()[TRANSACTIONS_FILTER] ?? new Uint8Array();
  return {
    number: header?.getNumber() ?? -1,
    previousHash: header?.getPreviousHash_asU8() ?? new Uint8Array(),
    dataHash: header?.getDataHash_asU8() ?? new Uint8Array(),
    data,
    transactions: data.flatMap(read),
    unreadable,
  };
}

function parseEnvelope(
  bytes: Uint8Array,
  index: number,
  validationCode: number,
  contract: string,
): ParsedTransaction[] {
  const envelope = common.Envelope.deserializeBinary(bytes);
  const signed = envelope.getPayload_asU8();
  const payload = common.Payload.deserializeBinary(signed);
  const channelHeader = common.ChannelHeader.deserializeBinary(
    payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array(),
  );
  if (channelHeader.getType() !== ENDORSER_TRANSACTION) return [];
  const signatureHeader = common.SignatureHeader.deserializeBinary(
    payload.getHeader()?.getSignatureHeader_asU8() ?? new Uint8Array(),
  );
  const time = channelHeader.getTimestamp();
  const base = {
    index,
    txId: channelHeader.getTxId(),
    at_ms: (time?.getSeconds() ?? 0) * 1000 + Math.floor((time?.getNanos() ?? 0) / 1e6),
    validationCode,
    creator: {
      ...identityIn(signatureHeader.getCreator_asU8()),
      signature: envelope.getSignature_asU8(),
      signed,
    },
  };
  return [{ ...base, ...actionOf(payload.getData_asU8(), contract) }];
}

/** What the transaction did, by its one action. */
function actionOf(
  data: Uint8Array,
  contract: string,
): Pick<ParsedTransaction, 'call' | 'endorsements' | 'event' | 'writes'> {
  const [first] = peer.Transaction.deserializeBinary(data).getActionsList();
  const actionPayload = peer.ChaincodeActionPayload.deserializeBinary(
    first?.getPayload_asU8() ?? new Uint8Array(),
  );
  const action = actionPayload.getAction();
  const response = action?.getProposalResponsePayload_asU8() ?? new Uint8Array();
  const extension = peer.ProposalResponsePayload.deserializeBinary(response).getExtension_asU8();
  const chaincodeAction = peer.ChaincodeAction.deserializeBinary(extension);
  if (chaincodeAction.getChaincodeId()?.getName() !== contract) {
    return { call: undefined, endorsements: [], event: undefined, writes: [] };
  }
  const event = peer.ChaincodeEvent.deserializeBinary(chaincodeAction.getEvents_asU8());
  const endorsements = (action?.getEndorsementsList() ?? []).map((endorsement) => {
    const endorser = endorsement.getEndorser_asU8();
    return {
      ...identityIn(endorser),
      signature: endorsement.getSignature_asU8(),
      signed: Buffer.concat([response, endorser]),
    };
  });
  return {
    call: callOf(actionPayload.getChaincodeProposalPayload_asU8()),
    endorsements,
    event:
      event.getEventName() === ''
        ? undefined
        : { name: event.getEventName(), payload: textOf(event.getPayload_asU8()) },
    writes: writesOf(chaincodeAction.getResults_asU8(), contract),
  };
}

/** Name and argument of the transaction, as the client gave them. */
function callOf(bytes: Uint8Array): { transaction: string; payload: string } {
  const input = peer.ChaincodeProposalPayload.deserializeBinary(bytes).getInput_asU8();
  const args = peer.ChaincodeInvocationSpec.deserializeBinary(input)
    .getChaincodeSpec()
    ?.getInput()
    ?.getArgsList_asU8();
  const [transaction, payload] = args ?? [];
  return {
    transaction: textOf(transaction ?? new Uint8Array()),
    payload: textOf(payload ?? new Uint8Array()),
  };
}

function writesOf(results: Uint8Array, contract: string): [string, string | undefined][] {
  return ledger.rwset.TxReadWriteSet.deserializeBinary(results)
    .getNsRwsetList()
    .filter((set) => set.getNamespace() === contract)
    .flatMap((set) => ledger.rwset.kvrwset.KVRWSet.deserializeBinary(set.getRwset_asU8()).getWritesList())
    .map((write) => [write.getKey(), write.getIsDelete() ? undefined : textOf(write.getValue_asU8())]);
}

function identityIn(bytes: Uint8Array): { mspId: string; certificate: string } {
  const identity = msp.SerializedIdentity.deserializeBinary(bytes);
  return { mspId: identity.getMspid(), certificate: textOf(identity.getIdBytes_asU8()) };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
