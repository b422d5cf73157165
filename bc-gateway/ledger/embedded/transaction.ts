/** An endorsed transaction read back from bytes: form, id, signature and endorsements, before it may be committed. */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { endorsedText, type Genesis, proposalText, type Transaction, txIdOf } from './block.ts';
import { signatureHolds, type Trust } from './certificates.ts';

const closed = { additionalProperties: false } as const;
const Version = Type.Union([Type.String(), Type.Null()]);

const TransactionShape = Type.Object(
  {
    txId: Type.String(),
    proposal: Type.Object(
      {
        channel: Type.String(),
        creator: Type.String(),
        transaction: Type.String(),
        payload: Type.String(),
        at_ms: Type.Number(),
        nonce: Type.String(),
      },
      closed,
    ),
    signature: Type.String(),
    effects: Type.Object(
      {
        reads: Type.Array(Type.Tuple([Type.String(), Version])),
        ranges: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.String()])),
        writes: Type.Array(Type.Tuple([Type.String(), Type.String()])),
        event: Type.Union([
          Type.Object({ name: Type.String(), payload: Type.String() }, closed),
          Type.Null(),
        ]),
        response: Type.String(),
      },
      closed,
    ),
    endorsements: Type.Array(Type.Object({ certificate: Type.String(), signature: Type.String() }, closed)),
  },
  closed,
);

/** @throws FieldbidError `LEDGER_REJECTED`, saying what does not hold. */
export function readTransaction(genesis: Genesis, trust: Trust, bytes: Uint8Array): Transaction {
  let transaction: Transaction;
  try {
    transaction = parse(TransactionShape, JSON.parse(Buffer.from(bytes).toString('utf8')), 'transaction');
  } catch (error) {
    throw rejected(messageOf(error));
  }
  const { txId, proposal, signature, effects, endorsements } = transaction;
  const text = proposalText(proposal);
  if (proposal.channel !== genesis.channel) throw rejected(`it is of the channel ${proposal.channel}`);
  if (txIdOf(text) !== txId) throw rejected('its id is not that of its proposal');
  requireSignature(trust, proposal.creator, text, signature, 'its creator');
  const endorsed = endorsedText(txId, effects);
  const by = endorsements.map(({ certificate, signature: own }) =>
    requireSignature(trust, certificate, endorsed, own, 'an endorser'),
  );
  if (canonicalJson(by) !== canonicalJson(genesis.policy)) {
    throw rejected(`it is endorsed by ${by.join(', ') || 'nobody'}, not by ${genesis.policy.join(', ')}`);
  }
  return transaction;
}

/** @returns the organisation, with `/role` where it is no peer. */
function requireSignature(trust: Trust, certificate: string, text: string, signature: string, whose: string) {
  let member: ReturnType<Trust['memberOf']>;
  try {
    member = trust.memberOf(certificate);
  } catch (error) {
    throw rejected(`${whose} is unknown: ${messageOf(error)}`);
  }
  if (!signatureHolds(member.publicKey, text, signature))
    throw rejected(`the signature of ${whose} does not hold`);
  const { mspId, role } = member.caller;
  return member.ou === 'peer' ? mspId : `${mspId}/${role}`;
}

function rejected(why: string): FieldbidError {
  return new FieldbidError('LEDGER_REJECTED', `the transaction cannot be committed: ${why}`);
}
