/**
 * A run on HELICS from beginning to end: broker, market and, where each has a process of its own, DERs are started here
 * and watched by their ids. Whoever ends before its time ends the run: who it was, when in the market, and what to do
 * is said, and nothing is left running.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { BrokersInTurn } from '../broker/brokers-in-turn.ts';
import type { HelicsBroker } from '../broker/helics-broker.ts';
import { MARKET_FEDERATES } from '../federation/members.ts';
import { findHelics } from '../library/find-helics.ts';
import { type End, EndWatch } from './end-watch.ts';
import { MemberProcess } from './member-process.ts';

export interface SupervisedRun {
  readonly derIds: readonly string[];
  /** Those with a process of their own here. */
  readonly ownProcess: readonly string[];
  /** Those that run on other machines. */
  readonly elsewhere: readonly string[];
  /** Federates of others that are waited for. */
  readonly observers: number;
  /** Where the broker listens. */
  readonly host?: string;
  readonly port?: number;
  /** Arguments of the market's program, and of a DER's, given the broker's address. */
  readonly marketArgs: (broker: string) => string[];
  readonly derArgs: (derId: string, broker: string) => string[];
  /** What the market has to end in order when it is asked to, real ms; a moment by default. */
  readonly marketGrace_ms?: number;
  readonly say: (line: string) => void;
}

/** Threads of libuv's pool beside those that wait for time. */
const OTHER_THREADS = 8;
/** Between the end of the market and that of a DER that has done its day, real ms. */
const DERS_END_MS = 20_000;
/** What the market has to close itself after a failure, real ms. */
const LAST_WORDS_MS = 4000;
/** @returns the market's exit code. @throws FieldbidError `MEMBER_DIED`, `HELICS_BROKER`, `HELICS_MISSING`. */
export async function superviseRun(run: SupervisedRun): Promise<number> {
  const { broker: program } = await findHelics();
  const brokers = new BrokersInTurn({
    program,
    federates: MARKET_FEDERATES + run.derIds.length + run.observers,
    ...(run.host === undefined ? {} : { host: run.host }),
    ...(run.port === undefined ? {} : { port: run.port }),
  });
  const broker = await brokers.start();
  const members: MemberProcess[] = [];
  let at_ms: number | undefined;
  let unsaid: string | undefined;
  const onSignal = (): void => {
    void endAll().then(() => process.exit(130));
  };
  const endAll = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
    await brokers.stop();
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    run.say(`HELICS broker (process ${broker.pid}) at ${broker.address}`);
    if (run.observers > 0) run.say(`waiting for ${run.observers} more federate(s) of others there`);
    const inMarket = run.derIds.length - run.ownProcess.length - run.elsewhere.length;
    let reported: (failure: End) => void = () => {};
    const report = new Promise<End>((resolve) => {
      reported = resolve;
    });
    const watch = new EndWatch();
    const market: MemberProcess = new MemberProcess(
      'the market',
      run.marketArgs(broker.address),
      MARKET_FEDERATES + inMarket + OTHER_THREADS,
      (news) => {
        if ('at_ms' in news) at_ms = news.at_ms;
        else if ('renew' in news) {
          brokers.start().then(
            (next) => {
              run.say(`the federation goes on: HELICS broker (process ${next.pid}) at ${next.address}`);
              watch.add(brokerEnd(next));
              market.tellNextBroker(next.port);
            },
            (error: unknown) => {
              unsaid = messageOf(error);
              void market.stop();
            },
          );
        } else {
          // Before it has ended: those that it cuts off end sooner, and are not to blame.
          reported({ what: market.what, pid: market.pid, how: 1 });
          // It says so itself and ends; if it cannot, it is said here.
          setTimeout(() => {
            unsaid = news.failed;
            void market.stop();
          }, LAST_WORDS_MS).unref();
        }
      },
      run.marketGrace_ms,
    );
    members.push(market);
    const ders = run.ownProcess.map(
      (derId) =>
        new MemberProcess(`the agent of ${derId}`, run.derArgs(derId, broker.address), 1 + OTHER_THREADS),
    );
    members.push(...ders);
    watch.add(report);
    watch.add(brokerEnd(broker));
    for (const { what, pid, ended } of members) watch.add(ended.then((how) => ({ what, pid, how })));
    const how = await watch.firstFailure(market.ended);
    if (how === 'well') {
      // Whoever has run to the end of the day leaves by itself.
      await Promise.race([
        Promise.all(ders.map((der) => der.ended)),
        delay(DERS_END_MS, undefined, { ref: false }),
      ]);
      return 0;
    }
    // The market says itself why it ends.
    const last = how.what === market.what ? await market.ended : how.how;
    if (unsaid !== undefined) throw new FieldbidError('RUN_FAILED', unsaid);
    if (how.what === market.what && typeof last === 'number') return last;
    throw new FieldbidError(
      'MEMBER_DIED',
      `${how.what} (process ${how.pid}) ended with ${typeof how.how === 'number' ? `code ${how.how}` : how.how} at ` +
        `${at_ms === undefined ? 'the start of the run' : `market time ${new Date(at_ms).toISOString()}`}; ` +
        'the run was ended. Look for what ended it (its log, memory, a signal), and start the run again',
    );
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await endAll();
  }
}

const brokerEnd = async (broker: HelicsBroker): Promise<End> => ({
  what: 'the HELICS broker',
  pid: broker.pid,
  how: await broker.ended,
});
