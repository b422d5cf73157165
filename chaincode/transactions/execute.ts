/**
 * The contract: name and one JSON string in, canonical JSON or a refusal out. Deterministic: the same
 * context and argument give the same reads, writes, event and answer on every endorser.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { InputError, messageOf } from '@fieldbid/core/errors';
import { intervalOf } from '@fieldbid/core/interval';
import { parse } from '@fieldbid/core/schema';
import type { Static, TSchema } from 'typebox';
import { recordAwards } from './awards.ts';
import { submitBids } from './bids.ts';
import type { TransactionContext } from './context.ts';
import { decideInterval } from './decision.ts';
import { enrolKey, revokeKey, rotateKey } from './der-keys.ts';
import { confirmDispatch } from './dispatch.ts';
import { modifyBid } from './modify.ts';
import * as payloads from './payloads.ts';
import {
  listBids,
  listDers,
  readBid,
  readBidHistory,
  readDer,
  readInterval,
  readIntervalHistory,
} from './queries.ts';
import { type Refusal, Refused } from './refusal.ts';
import { qualifyDer, registerDer } from './registry.ts';
import { recordSettlement } from './settlement.ts';

export type Outcome = { ok: true; result: string } | { ok: false; refusal: Refusal };

interface Transaction {
  /** True when it writes: to be ordered and committed, not only evaluated. */
  readonly writes: boolean;
  run(ctx: TransactionContext, argument: unknown): Promise<unknown>;
}

/** 10,000 bids of 64 devices are larger than any batch that we know a use for. */
const LARGEST_ARGUMENT_CHARS = 8 * 1024 * 1024;
const ANY_DURATION_MIN = 1;

export const TRANSACTIONS = {
  registerDer: transaction(true, payloads.RegisterDer, registerDer),
  qualifyDer: transaction(true, payloads.QualifyDer, qualifyDer),
  enrolKey: transaction(true, payloads.EnrolKey, enrolKey),
  rotateKey: transaction(true, payloads.RotateKey, rotateKey),
  revokeKey: transaction(true, payloads.RevokeKey, revokeKey),
  submitBids: transaction(true, payloads.SubmitBids, submitBids),
  decideInterval: transaction(true, payloads.DecideInterval, decideInterval),
  recordAwards: transaction(true, payloads.RecordAwards, recordAwards),
  confirmDispatch: transaction(true, payloads.DecideInterval, confirmDispatch),
  modifyBid: transaction(true, payloads.ModifyBid, modifyBid),
  recordSettlement: transaction(true, payloads.RecordSettlement, recordSettlement),
  readBid: transaction(false, payloads.ReadBid, readBid),
  readBidHistory: transaction(false, payloads.ReadBid, readBidHistory),
  readInterval: transaction(false, payloads.ReadInterval, readInterval),
  readIntervalHistory: transaction(false, payloads.ReadInterval, readIntervalHistory),
  readDer: transaction(false, payloads.ReadDer, readDer),
  listDers: transaction(false, payloads.Page, listDers),
  listBids: transaction(false, payloads.Page, listBids),
} satisfies Record<string, Transaction>;
export type TransactionName = keyof typeof TRANSACTIONS;

export function isTransaction(name: string): name is TransactionName {
  return Object.hasOwn(TRANSACTIONS, name);
}

/** Never throws for what a caller can send; throws what the ledger beneath throws. */
export async function execute(ctx: TransactionContext, name: string, argument: string): Promise<Outcome> {
  try {
    if (!isTransaction(name)) throw new Refused('UNKNOWN_TRANSACTION', `There is no transaction ${name}.`);
    const result = await TRANSACTIONS[name].run(ctx, fromJson(name, argument));
    return { ok: true, result: canonicalJson(result) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    if (error instanceof InputError) {
      const refusal: Refusal = { code: 'MALFORMED', message: error.message, details: { ...error.fault } };
      return { ok: false, refusal };
    }
    throw error;
  }
}

function transaction<T extends TSchema>(
  writes: boolean,
  schema: T,
  run: (ctx: TransactionContext, argument: Static<T>) => Promise<unknown>,
): Transaction {
  return {
    writes,
    run: (ctx, argument) => {
      const checked = parse(schema, argument, 'argument');
      // The schema knows an interval id's form; 2026-02-31 has it and is no day.
      const { intervalId } = checked as { intervalId?: string };
      if (intervalId !== undefined) intervalOf(intervalId, ANY_DURATION_MIN);
      return run(ctx, checked);
    },
  };
}

function fromJson(name: string, argument: string): unknown {
  if (argument.length > LARGEST_ARGUMENT_CHARS) {
    throw new Refused('MALFORMED', `The argument of ${name} has ${argument.length} characters.`, {
      expected: LARGEST_ARGUMENT_CHARS,
    });
  }
  try {
    return JSON.parse(argument);
  } catch (error) {
    throw new Refused('MALFORMED', `The argument of ${name} is no JSON: ${messageOf(error)}.`);
  }
}
