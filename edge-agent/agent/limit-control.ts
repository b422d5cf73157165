/**
 * Steps 11-12 · Holds the device to its award: written once at the interval's start, renewed at half its revert
 * time, ended when it is over; and gives every command its one verdict.
 */
import { topics } from '@fieldbid/core/bus/topics';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Award, CommandVerdict } from '@fieldbid/core/market/messages';
import type { DerReading, DeviceRefused, LimitWritten, Released } from '../device/der-device.ts';
import type { CycleContext } from './device-setup.ts';
import { brokenLater, type Command, decide, newCommand } from './verdict.ts';

/** What the device shall do: follow an award, or run by its owner's default. Undefined: stay as it was found. */
type Wanted = { readonly kind: 'award'; readonly award: Award } | { readonly kind: 'default' } | undefined;

/** A device that loses its limit inside an interval gets it again so often: registers wear. */
const MOST_REPAIRS = 3;
/** Refused with an exception, a busy device is asked again in so many cycles; then more rarely. */
const MOST_REFUSALS = 3;
/** What did not reach the device is tried again after this share of the time in which it drops its limit. */
const RETRY_SHARE = 1 / 8;

export class LimitControl {
  readonly #context: CycleContext;
  #told: Wanted;
  /** False: what was told last has not reached the device yet. */
  #delivered = true;
  #command: Command | undefined;
  /** A verified command of the award in force: watched to its end. */
  #verified: { readonly command: Command; readonly verdict: CommandVerdict } | undefined;
  /** Limit in the device as far as is known. */
  #held: LimitWritten | undefined;
  #writtenAt_ms = Number.NEGATIVE_INFINITY;
  #triedAt_ms = Number.NEGATIVE_INFINITY;
  #repairs = 0;
  #refusals = 0;
  #obeys = true;

  constructor(context: CycleContext) {
    this.#context = context;
  }

  /**
   * Whether the device has done as it was told. False from a refused command until one is obeyed that held
   * power back: a limit above what the sun gives proves nothing.
   */
  get obeys(): boolean {
    return this.#obeys;
  }

  /** When the open command can next be judged, market epoch ms; undefined when none is open. */
  nextJudgement_ms(now_ms: number): number | undefined {
    if (this.#command === undefined) return undefined;
    const { since_ms, writtenAt_ms } = this.#command;
    const { settle_ms, deadline_ms } = this.#context.setup.rules;
    const settled_ms = (writtenAt_ms ?? Number.NEGATIVE_INFINITY) + settle_ms;
    return settled_ms > now_ms ? settled_ms : since_ms + deadline_ms;
  }

  /**
   * When the device must hear of its limit again, market epoch ms: at half the time after which it drops it, however
   * long a regular cycle is. Infinity when nothing is to be renewed.
   */
  nextWrite_ms(now_ms: number): number {
    if (this.#limit_W() === null) return Number.POSITIVE_INFINITY;
    const hold_ms = this.#hold_ms();
    const due_ms = this.#delivered ? this.#writtenAt_ms + hold_ms / 2 : now_ms;
    return Math.max(due_ms, this.#triedAt_ms + hold_ms * RETRY_SHARE, now_ms + 1);
  }

  /** @param granted `performance.now()` when this cycle was granted. */
  async run(reading: DerReading | undefined, now_ms: number, granted: number): Promise<void> {
    this.#judge(reading, now_ms);
    const wanted = this.#wanted(now_ms);
    if (key(wanted) === key(this.#told)) this.#watch(reading, now_ms);
    if (key(wanted) !== key(this.#told)) {
      this.#supersede(now_ms);
      this.#take(wanted, now_ms, reading?.power_W ?? null);
      await this.#write(now_ms, granted);
    } else if (this.#retryDue(now_ms) || this.#renewalDue(now_ms) || this.#lost(reading)) {
      await this.#write(now_ms, granted);
    }
  }

  /** The device did not answer: kept for the sentence of the verdict. */
  noteTrouble(why: string): void {
    if (this.#command !== undefined) this.#command.trouble = why;
  }

  #judge(reading: DerReading | undefined, now_ms: number): void {
    if (this.#command === undefined) return;
    const verdict = decide(this.#command, reading, now_ms, this.#context.setup.rules);
    if (verdict === undefined) return;
    if (verdict.verdict === 'verified') this.#verified = { command: this.#command, verdict };
    this.#command = undefined;
    this.#announce(verdict);
  }

  /** Until its interval ends, a verified command can still turn out not to be obeyed: then it is said. */
  #watch(reading: DerReading | undefined, now_ms: number): void {
    if (this.#verified === undefined) return;
    const { command, verdict } = this.#verified;
    const broken = brokenLater(command, verdict, reading, now_ms, this.#context.setup.rules);
    if (broken === undefined) return;
    this.#verified = undefined;
    this.#announce(broken);
  }

  /** A command that another one replaces before it was judged: its deadline is now. */
  #supersede(now_ms: number): void {
    const command = this.#command;
    this.#command = undefined;
    if (command === undefined) return;
    const { rules } = this.#context.setup;
    const verdict = decide(command, undefined, command.since_ms + rules.deadline_ms, rules);
    if (verdict !== undefined) this.#announce({ ...verdict, decidedAt_ms: Math.floor(now_ms) });
  }

  #take(wanted: Wanted, now_ms: number, power_W: number | null): void {
    this.#told = wanted;
    this.#delivered = wanted === undefined;
    this.#held = undefined;
    this.#verified = undefined;
    this.#repairs = 0;
    this.#refusals = 0;
    if (wanted?.kind !== 'award') return;
    const { award } = wanted;
    this.#command = newCommand(award, correlationOf(award), now_ms, power_W);
  }

  #wanted(now_ms: number): Wanted {
    const { setup, awards, schedule } = this.#context;
    const award = awards.at(now_ms);
    if (award !== undefined) return { kind: 'award', award };
    const moment = schedule.find(({ interval }) => interval.start_ms <= now_ms && now_ms < interval.end_ms);
    if (moment === undefined || setup.withoutAward === 'default') {
      // After a restart the device may hold an award that we no longer know; its revert timer ends that.
      return this.#told === undefined && setup.defaultLimit_W === null ? undefined : { kind: 'default' };
    }
    const { interval } = moment;
    return {
      kind: 'award',
      award: {
        derId: setup.derId,
        intervalId: interval.id,
        start_ms: interval.start_ms,
        end_ms: interval.end_ms,
        bidUid: null,
        allocation_W: 0,
        price_uUSD_per_MWh: 0,
        reason: 'FALLBACK',
      },
    };
  }

  #limit_W(): number | null {
    if (this.#told === undefined) return null;
    return this.#told.kind === 'award' ? this.#told.award.allocation_W : this.#context.setup.defaultLimit_W;
  }

  /** After so long without a command the device drops its limit, ms: by the timer that it reads back, if it is shorter. */
  #hold_ms(): number {
    const { revert_s, watchdog_s = revert_s } = this.#context.setup;
    const held_s = this.#held?.readBack?.revert_s ?? 0;
    return 1000 * Math.min(revert_s, watchdog_s, held_s > 0 ? held_s : revert_s);
  }

  #retryDue(now_ms: number): boolean {
    if (this.#delivered) return false;
    return this.#refusals <= MOST_REFUSALS || now_ms >= this.#triedAt_ms + this.#hold_ms() * RETRY_SHARE;
  }

  #renewalDue(now_ms: number): boolean {
    return this.#limit_W() !== null && now_ms - this.#writtenAt_ms >= this.#hold_ms() / 2;
  }

  /**
   * The limit that holds the device back, as far as can be told: what it reads back, unless that is known to say nothing.
   * A limit of ours that it does not read back counts as we wrote it; one that measured power is above holds nothing.
   */
  limitInForce({ limit, power_W, rating_W }: DerReading): DerReading['limit'] {
    const unread = this.#limit_W() === null || this.#held?.echoes !== false ? undefined : this.#held;
    const told = unread === undefined ? limit : { pct: unread.commanded_pct, enabled: true, revert_s: null };
    if (!told?.enabled || power_W === null || rating_W === null) return told;
    const most_W = ((told.pct + this.#context.setup.rules.tolerance_pct) / 100) * rating_W;
    return power_W > most_W ? { ...told, enabled: false } : told;
  }

  /** The device once read the limit back and shows another one now, as after a restart of its own. */
  #lost(reading: DerReading | undefined): boolean {
    if (this.#held?.echoes !== true || !reading?.limit || this.#repairs >= MOST_REPAIRS) return false;
    const { pct, enabled } = reading.limit;
    const kept = enabled && Math.abs(pct - this.#held.commanded_pct) <= this.#held.step_pct;
    if (kept) return false;
    this.#repairs++;
    const { derId } = this.#context.setup;
    this.#context.log.warn({ derId, pct, enabled }, 'the device has lost its limit; it is written again');
    return true;
  }

  async #write(now_ms: number, granted: number): Promise<void> {
    const told = this.#told;
    if (told === undefined) return;
    const { setup, log } = this.#context;
    this.#triedAt_ms = now_ms;
    const limit_W = this.#limit_W();
    const command = this.#command ?? this.#commandAfterRefusal(told, now_ms);
    const fields = {
      derId: setup.derId,
      ...(told.kind === 'award' ? { intervalId: told.award.intervalId } : {}),
      ...(command === undefined ? {} : { correlationId: command.correlationId }),
    };
    try {
      if (limit_W === null) {
        const result = await setup.device.release();
        this.#note(result);
        if (result.outcome === 'refused') log.warn({ ...fields, result }, 'release refused');
        else log.info({ ...fields, result }, 'no award: limit released, the device runs by its default');
        return;
      }
      const result = await setup.device.applyLimit({ limit_W, revert_s: setup.revert_s });
      this.#note(result);
      if (result.outcome === 'written') this.#command = command;
      this.#writtenAt_ms = now_ms;
      this.#held = result.outcome === 'written' ? result : undefined;
      if (command !== undefined && command.result === undefined) {
        command.result = result;
        // Not the grant: on a hurried clock the write itself takes market time, and settling begins after it.
        command.writtenAt_ms = Math.max(now_ms, this.#context.time.now());
        command.write_ms = performance.now() - granted;
      }
      log.info(
        { ...fields, limit_W, result },
        result.outcome === 'written' ? 'limit written' : 'limit refused',
      );
    } catch (error) {
      if (command !== undefined) command.trouble = messageOf(error);
      log.error({ ...fields, limit_W, code: codeOf(error) }, `limit not written: ${messageOf(error)}`);
    }
  }

  /** A refusal that may pass is not yet delivered: a device that is busy, or in an exception of the moment. */
  #note(result: LimitWritten | Released | DeviceRefused): void {
    const passing = result.outcome === 'refused' && result.code === 'DEVICE_EXCEPTION';
    this.#refusals = result.outcome === 'refused' ? this.#refusals + 1 : 0;
    this.#delivered = !passing;
  }

  /** The verdict on a command was that it is refused; taken after all, it is judged again: the later verdict counts. */
  #commandAfterRefusal(told: Exclude<Wanted, undefined>, now_ms: number): Command | undefined {
    if (told.kind !== 'award' || this.#refusals === 0) return undefined;
    const { award } = told;
    return newCommand(award, correlationOf(award), now_ms, null);
  }

  #announce(verdict: CommandVerdict): void {
    const { send, log } = this.#context;
    if (verdict.verdict === 'refused') this.#obeys = false;
    else if (verdict.verdict === 'verified' && verdict.binding) this.#obeys = true;
    const { intervalId, derId, correlationId, reason } = verdict;
    this.#context.observer?.onVerdict(derId, verdict.verdict);
    const fields = { intervalId, derId, correlationId, verdict: verdict.verdict, reason };
    if (verdict.verdict === 'verified') log.info(fields, 'command verified');
    else log.warn(fields, `command ${verdict.verdict}`);
    send(async (bus) => {
      try {
        await bus.publish(topics.verdicts(derId), verdict);
      } catch (error) {
        log.warn({ ...fields, code: codeOf(error) }, `verdict not published: ${messageOf(error)}`);
      }
    });
  }
}

function correlationOf({ bidUid: uid, derId, intervalId }: Award): string {
  return uid ?? bidUid(derId, intervalId, 'energy');
}

function key(wanted: Wanted): string {
  if (wanted === undefined) return '';
  return wanted.kind === 'default' ? 'default' : `${wanted.award.intervalId} ${wanted.award.allocation_W}`;
}
