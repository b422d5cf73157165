/** The policies by the names that configuration and certificates use. */
import { InputError } from '@fieldbid/core/errors';
import { maxEnergy } from './max-energy.ts';
import { noOneWorse } from './no-one-worse.ts';
import type { Policy } from './policy.ts';
import { proportional } from './proportional.ts';

const POLICIES: Readonly<Record<string, Policy>> = Object.fromEntries(
  [proportional, noOneWorse, maxEnergy].map((policy) => [policy.name, policy]),
);

export const POLICY_NAMES = Object.keys(POLICIES);

/** @throws InputError for a name that no policy has. */
export function policyNamed(name: string): Policy {
  const policy = POLICIES[name];
  if (policy !== undefined) return policy;
  const expected = `one of ${POLICY_NAMES.join(', ')}`;
  throw new InputError({ source: 'policy', path: '', found: JSON.stringify(name), expected });
}
