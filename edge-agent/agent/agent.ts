/**
 * The edge agent: one cycle per device (device-cycle.ts), driven by a clock that a test, a fast run or the wall
 * can be behind, and one place where awards arrive.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import type { MqttWill } from '@fieldbid/core/bus/mqtt-options';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import {
  type Calendar,
  dayAheadMoments,
  firstBid_ms,
  type Moments,
  moments,
} from '@fieldbid/core/market/calendar';
import type { AgentState } from '@fieldbid/core/market/messages';
import type { Signer } from '@fieldbid/core/signing';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { AwardStore, KeptAward } from './award-store.ts';
import { AwardBook } from './awards.ts';
import { DeviceCycle } from './device-cycle.ts';
import { DEFAULT_DAY_AHEAD_SHARE_PCT, type DeviceSetup } from './device-setup.ts';
import { keepBeating } from './heartbeat.ts';
import type { CycleObserver } from './observer.ts';
import type { PriceForecast } from './price-forecast.ts';

export interface EdgeAgentOptions {
  readonly agentId: string;
  readonly deraId: string;
  readonly bus: Bus;
  /** A clock of its own for each device. */
  readonly timeFor: (name: string) => TimeSource;
  readonly calendar: Calendar;
  readonly forecast: PriceForecast;
  readonly devices: readonly DeviceSetup[];
  /** Market ms between two cycles of a device. */
  readonly cycle_ms: number;
  /** What of its clear-sky energy each DER bids a day ahead, percent; 90 by default. */
  readonly dayAheadShare_pct?: number;
  /** The device key as it is now; without it nothing is signed. */
  readonly signer?: () => Signer;
  /** Whether measurements carry the registers that they were read from: where they are signed. */
  readonly evidence?: boolean;
  /** Where awards outlive the agent; without it they end with it. */
  readonly awardStore?: AwardStore;
  readonly log: Logger;
  readonly observer?: CycleObserver;
}

/** A connection that breaks and is back within this, seconds, was no death (MQTT 5). */
const WILL_DELAY_S = 5;

/** What the broker tells the others when this agent dies without saying so: its MQTT will. */
export function agentWill(agentId: string, derIds: readonly string[]): MqttWill {
  const message: AgentState = { agentId, alive: false, devices: [...derIds], since_ms: 0 };
  return { topic: topics.agents(agentId), message, delay_s: WILL_DELAY_S };
}

interface Loop {
  readonly derId: string;
  readonly cycle: DeviceCycle;
  readonly time: TimeSource;
  /** When the cycle that is running began, `performance.now()`; undefined between two cycles. */
  runningSince_ms: number | undefined;
}

export class EdgeAgent {
  /** Cycles that were due while the one before was still running: they are skipped. */
  overruns = 0;
  readonly #options: EdgeAgentOptions;
  readonly #times: TimeSource[] = [];
  readonly #loops: Loop[] = [];
  /** DERs that can be limited, as announced last. */
  #announced: readonly string[] = [];
  readonly #subscriptions: Subscription[] = [];
  #done: Promise<void> = Promise.resolve();

  constructor(options: EdgeAgentOptions) {
    this.#options = options;
  }

  /** Takes awards, announces itself and begins its cycles. A device that is not there yet is tried each cycle. */
  async start(): Promise<void> {
    const { agentId, awardStore, bus, calendar, deraId, devices, forecast, log, observer, timeFor } =
      this.#options;
    const schedule = moments(calendar);
    const dayAhead = dayAheadMoments(calendar);
    const dayAheadShare_pct = this.#options.dayAheadShare_pct ?? DEFAULT_DAY_AHEAD_SHARE_PCT;
    // All clocks are joined before anything is awaited: from here on time waits for us.
    const participants = devices.map((setup) => ({ setup, time: timeFor(`${agentId}/${setup.derId}`) }));
    this.#times.push(...participants.map(({ time }) => time));
    const kept = (await awardStore?.kept()) ?? [];
    for (const { setup, time } of participants) {
      const { derId } = setup;
      const awards = new AwardBook(
        derId,
        schedule.map(({ interval }) => interval),
      );
      this.#takeAgain(awards, kept, derId, time.now());
      this.#subscriptions.push(
        await bus.respond(topics.awards(derId), async ({ topic, message }) => {
          const { answer, award } = awards.take(message, topic, time.now());
          const fields = { derId, intervalId: award?.intervalId, correlationId: award?.bidUid };
          // Before it is acknowledged: whoever awards may count on it from then on.
          if (answer.accepted && award !== undefined) await awardStore?.keep(award, time.now());
          if (answer.accepted) log.info({ ...fields, allocation_W: award?.allocation_W }, 'award taken');
          else log.warn({ ...fields, code: answer.code, reason: answer.reason }, 'award refused');
          return answer;
        }),
      );
      const cycle = new DeviceCycle(bus, {
        ...{ setup, deraId, time, calendar, schedule, dayAhead, dayAheadShare_pct, forecast, awards, log },
        ...(observer === undefined ? {} : { observer }),
        signer: this.#options.signer,
        evidence: this.#options.evidence ?? false,
      });
      this.#loops.push({ derId, cycle, time, runningSince_ms: undefined });
    }
    await this.#announce(true);
    this.#subscriptions.push(this.#announceAfterBreaks());
    const beats = devices.flatMap((setup) => this.#startHeartbeat(setup));
    this.#done = Promise.all(this.#loops.map((loop) => this.#loop(loop, schedule))).then(async () => {
      for (const beat of beats) beat.time.close();
      await Promise.all(beats.map(({ done }) => done));
    });
  }

  /** What this agent held when it ended, in whatever way; checked as if it came now. */
  #takeAgain(awards: AwardBook, kept: readonly KeptAward[], derId: string, now_ms: number): void {
    for (const { intervalId, message } of kept.filter((award) => award.derId === derId)) {
      const { answer } = awards.take(message, 'kept awards', now_ms);
      const { log } = this.#options;
      if (answer.accepted) log.info({ derId, intervalId }, 'award held again after a restart');
      else if (answer.code !== 'EXPIRED') log.warn({ derId, intervalId, ...answer }, 'kept award refused');
    }
  }

  /** Some devices fall back to their default when their controller no longer counts up. */
  #startHeartbeat({ derId, device, heartbeat_s }: DeviceSetup): { time: TimeSource; done: Promise<void> }[] {
    if (heartbeat_s === undefined || device.heartbeat === undefined) return [];
    const { agentId, log, timeFor } = this.#options;
    const time = timeFor(`${agentId}/${derId}/heartbeat`);
    this.#times.push(time);
    return [{ time, done: keepBeating(() => device.heartbeat?.(), heartbeat_s, time, log.child({ derId })) }];
  }

  /** Resolves when the calendar is over and every device runs by its default again. */
  done(): Promise<void> {
    return this.#done;
  }

  /** How long the cycle that has been running longest has been at it, real ms; 0 when none is running. */
  get longestRunning_ms(): number {
    const now_ms = performance.now();
    return Math.max(0, ...this.#loops.map(({ runningSince_ms = now_ms }) => now_ms - runningSince_ms));
  }

  /** Stops after the running cycles. Devices keep what they were told until their revert timers end. */
  async stop(): Promise<void> {
    for (const time of this.#times) time.close();
    await this.#done;
    await this.#announce(false);
    for (const subscription of this.#subscriptions) await subscription.close();
    for (const { device } of this.#options.devices) await device.close();
  }

  /**
   * Ends as when its machine loses power: in the middle of what it does, and nobody is told. Its bus was dropped before
   * by whoever opened it (`MqttBus.drop`).
   */
  async cutPower(): Promise<void> {
    for (const time of this.#times) time.close();
    for (const { device } of this.#options.devices) await device.close();
    await this.#done;
  }

  async #loop(loop: Loop, schedule: readonly Moments[]): Promise<void> {
    const { cycle, derId, time } = loop;
    const { cycle_ms, observer } = this.#options;
    const from_ms = firstBid_ms(this.#options.calendar);
    const end_ms = schedule.at(-1)?.interval.end_ms ?? from_ms;
    const regularAfter = (t_ms: number): number => (Math.floor(t_ms / cycle_ms) + 1) * cycle_ms;
    let due_ms = Math.max(from_ms, time.now());
    try {
      // One cycle at the end itself hands the device back to its owner's default.
      while (due_ms <= end_ms) {
        await time.requestTime(due_ms);
        const began_ms = performance.now();
        const failedBefore = cycle.failedReads;
        loop.runningSince_ms = began_ms;
        await this.#runSafely(cycle, due_ms);
        loop.runningSince_ms = undefined;
        const duration_ms = performance.now() - began_ms;
        cycle.track(this.#announceChanges(due_ms));
        await cycle.sentUntil(Math.min(regularAfter(due_ms), cycle.nextMoment_ms(due_ms)));
        const now_ms = Math.max(due_ms, time.now());
        const overruns = Math.max(0, Math.floor(now_ms / cycle_ms) - Math.floor(due_ms / cycle_ms));
        this.overruns += overruns;
        const answered = cycle.failedReads === failedBefore;
        observer?.onCycle(derId, { duration_ms, overruns, answered });
        // Regular cycles fall on whole multiples of their length, whenever the program was started. Moments
        // between are not missed by an overrun: the one that passed meanwhile is granted at once.
        due_ms = Math.min(regularAfter(now_ms), cycle.nextMoment_ms(due_ms));
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    } finally {
      time.close();
    }
  }

  /** A fault of ours in one cycle must not end the care for a device. */
  async #runSafely(cycle: DeviceCycle, now_ms: number): Promise<void> {
    try {
      await cycle.run(now_ms);
    } catch (error) {
      const { agentId, log } = this.#options;
      log.error({ agentId, code: codeOf(error), err: error }, `cycle failed: ${messageOf(error)}`);
    }
  }

  /** While the connection was broken the broker may have told our will: the others must hear that we live. */
  #announceAfterBreaks(): Subscription {
    let broken = false;
    return this.#options.bus.watchConnection((connected) => {
      const back = connected && broken;
      broken = !connected;
      if (back) void this.#announce(true, this.#announced);
    });
  }

  /** Whoever counts on this agent must hear when a device can no longer be limited, and when it can again. */
  async #announceChanges(now_ms: number): Promise<void> {
    const limitable = this.#loops.filter(({ cycle }) => cycle.canBeLimited(now_ms)).map(({ derId }) => derId);
    const announced = this.#announced;
    if (limitable.length === announced.length && limitable.every((derId, i) => derId === announced[i]))
      return;
    await this.#announce(true, limitable);
  }

  async #announce(
    alive: boolean,
    derIds: readonly string[] = this.#options.devices.map(({ derId }) => derId),
  ): Promise<void> {
    const { agentId, bus, log } = this.#options;
    const since_ms = Math.floor(this.#times[0]?.now() ?? 0);
    const state: AgentState = { agentId, alive, devices: [...derIds], since_ms };
    this.#announced = derIds;
    try {
      await bus.publish(topics.agents(agentId), state, { retain: true });
    } catch (error) {
      log.warn({ agentId, code: codeOf(error) }, `not announced: ${messageOf(error)}`);
    }
  }
}
