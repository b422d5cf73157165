/**
 * Looks after federates that nobody here can see as processes, on other machines above all: while market time stands still
 * they are asked for a sign of life. HELICS itself goes on waiting for one that was killed.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { Federation } from '../federation/federation.ts';

/** Looked at this often; asked when market time has not moved since, real ms. */
const LOOK_MS = 1000;

/** @param names of federates of other processes. @returns the timer, to be cleared before the federation is left. */
export function watchMembers(
  federation: Federation,
  names: readonly string[],
  fail: (error: FieldbidError) => void,
): NodeJS.Timeout {
  let seen_ms = Number.NaN;
  let asking = false;
  // While everything is being set up no time is granted, and a member that has nothing to do yet need not answer.
  let began = false;
  return setInterval(() => {
    const now_ms = Math.max(...federation.federates.map((federate) => federate.now()));
    const moved = now_ms !== seen_ms;
    began ||= moved && Number.isFinite(seen_ms);
    seen_ms = now_ms;
    if (moved || asking || !began) return;
    asking = true;
    void federation.silent(names).then((silent) => {
      asking = false;
      if (silent.length === 0) return;
      fail(
        new FieldbidError(
          'MEMBER_LOST',
          `${silent.join(', ')} gave no sign of life at market time ${new Date(now_ms).toISOString()}: the process is dead or out ` +
            'of reach. Look at its machine and the network between, and start the run again',
        ),
      );
    });
  }, LOOK_MS);
}
