/**
 * A refusal on its way through Fabric. Fabric knows a failed transaction by one text only, and the peer puts
 * words of its own around it (`chaincode response 500, …`): the refusal travels as JSON inside that text.
 */
import { matches } from '@fieldbid/core/schema';
import Type from 'typebox';
import { CONTRACT_REFUSALS, type Refusal } from '../transactions/refusal.ts';

const RefusalShape = Type.Object(
  {
    code: Type.Union(CONTRACT_REFUSALS.map((code) => Type.Literal(code))),
    message: Type.String(),
    details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
  },
  { additionalProperties: false },
);

export function refusalText({ code, message, details }: Refusal): string {
  return JSON.stringify({ code, message, details });
}

/** The refusal in what a peer said; undefined when the failure is none of the contract's. */
export function refusalIn(text: string): Refusal | undefined {
  const [from, to] = [text.indexOf('{'), text.lastIndexOf('}')];
  if (from < 0 || to < from) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(from, to + 1));
    return matches(RefusalShape, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
