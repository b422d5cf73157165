/** M5, M6 · What a key may do, finer than its role: a program that only reads gets a key that can only read. */
import { InputError } from '@fieldbid/core/errors';
import type { Role } from '@fieldbid/core/gateway-api/schemas';
import Type, { type Static } from 'typebox';

const SCOPES = [
  /** Register DERs, make their device keys known and end them. */
  'register',
  /** Qualify and suspend DERs, end their device keys. */
  'qualify',
  /** Submit bids. */
  'submit',
  /** Decide on intervals, confirm dispatches, reduce bids. */
  'decide',
  /** Record awards and settlements. */
  'award',
  /** Store measurements. */
  'measure',
  /** Read what is on the ledger, and the measurements that the role may see. */
  'read',
  /** Read raw records, prices with them. */
  'records',
  /** Follow the ledger's events. */
  'events',
  /** Verify everything. */
  'verify',
] as const;

export const Scope = Type.Enum([...SCOPES]);
export type Scope = Static<typeof Scope>;

const OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  dera: ['register', 'submit', 'award', 'measure', 'read', 'records', 'events'],
  dso: ['qualify', 'decide', 'measure', 'read', 'events'],
  iso: ['read', 'events'],
  operator: ['read', 'records', 'events', 'verify'],
};

/** All that a role may do. */
export function scopesOf(role: Role): readonly Scope[] {
  return OF_ROLE[role];
}

/** Roles that may do this. */
export function rolesWith(scope: Scope): Role[] {
  return (Object.keys(OF_ROLE) as Role[]).filter((role) => OF_ROLE[role].includes(scope));
}

/** @throws InputError for a scope that the role has not. */
export function requireScopesOf(role: Role, scopes: readonly Scope[], source: string): void {
  const stranger = scopes.findIndex((scope) => !OF_ROLE[role].includes(scope));
  if (stranger < 0) return;
  throw new InputError({
    source,
    path: `/scopes/${stranger}`,
    found: scopes[stranger] ?? '',
    expected: `of the role ${role}: ${OF_ROLE[role].join(', ')}`,
  });
}
