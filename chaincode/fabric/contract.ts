/**
 * Steps 5-7 and 10 on Fabric · The contract as Fabric's contract API calls it: one method per transaction,
 * one JSON text in, canonical JSON out. Undecorated, because decorators need a build step. Every method of
 * the class can be called from outside, `private` ones too, so the rest stands at module level.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { type Context, Contract } from 'fabric-contract-api';
import { execute, type TransactionName } from '../transactions/execute.ts';
import { FabricContext } from './fabric-context.ts';
import { refusalText } from './refusal-text.ts';

type Methods = Record<TransactionName, (ctx: Context, argument: string) => Promise<string>>;

/**
 * Each method throws, when the contract refuses, an error whose message is the refusal as JSON (see
 * refusal-text.ts); Fabric then writes nothing.
 */
export class DerMarket extends Contract implements Methods {
  constructor() {
    super('der-market');
  }

  registerDer(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'registerDer', argument);
  }

  qualifyDer(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'qualifyDer', argument);
  }

  submitBids(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'submitBids', argument);
  }

  decideInterval(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'decideInterval', argument);
  }

  enrolKey(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'enrolKey', argument);
  }

  rotateKey(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'rotateKey', argument);
  }

  revokeKey(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'revokeKey', argument);
  }

  modifyBid(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'modifyBid', argument);
  }

  recordSettlement(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'recordSettlement', argument);
  }

  recordAwards(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'recordAwards', argument);
  }

  confirmDispatch(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'confirmDispatch', argument);
  }

  readBid(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'readBid', argument);
  }

  readBidHistory(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'readBidHistory', argument);
  }

  readInterval(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'readInterval', argument);
  }

  readIntervalHistory(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'readIntervalHistory', argument);
  }

  readDer(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'readDer', argument);
  }

  listDers(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'listDers', argument);
  }

  listBids(ctx: Context, argument: string): Promise<string> {
    return run(ctx, 'listBids', argument);
  }

  /** Fabric calls this one, and nobody else can, for a name that is no method. */
  override async unknownTransaction(ctx: Context): Promise<void> {
    await run(ctx, ctx.stub.getFunctionAndParameters().fcn, '{}');
  }
}

/** The class has the contract's transactions and no other; the compiler compares. */
type Extra = Exclude<keyof DerMarket, keyof Contract | TransactionName>;
const NOTHING_MORE: [Extra] extends [never] ? true : never = true;
void NOTHING_MORE;

async function run({ stub, clientIdentity }: Context, name: string, argument: string): Promise<string> {
  const outcome = await execute(new FabricContext(stub, clientIdentity), name, argument);
  if (outcome.ok) return outcome.result;
  const { refusal } = outcome;
  throw new FieldbidError(refusal.code, refusalText(refusal), { details: { ...refusal.details } });
}
