/**
 * What the bench tells everybody on the bus: what stands on it, once and retained, and the feeder as it was solved last.
 * Nobody waits for it: a state that is still on its way when the next is there is followed by the newest alone.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type { Logger } from '@fieldbid/core/logging';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { kindsIn } from '@fieldbid/dso/feeder/one-line/kinds';
import { bareOneLine } from '@fieldbid/dso/feeder/one-line/svg';
import type { FeederDescription } from '@fieldbid/dso/power-flow/power-flow';
import type { MinuteRecord } from '../recorder/run-record.ts';
import { deraOf, deraPortfolios, type Scenario } from '../scenario/schema.ts';

/** A message of the bus has an end; the drawing is what can be done without. */
const LARGEST_DRAWING_CHARS = 600_000;

export interface LabParts {
  readonly scenario: Scenario;
  readonly feeder: Feeder;
  /** As the plant's engine has it. */
  readonly description: FeederDescription;
  readonly clock: string;
  readonly ledger: string;
}

export function labDescription({ scenario, feeder, description, clock, ledger }: LabParts): LabDescription {
  const { low_pu, high_pu } = feeder.data.limits;
  const drawing = bareOneLine({ feeder, description, kinds: kindsIn(feeder) });
  return {
    scenario: scenario.name,
    feederId: feeder.id,
    calendar: scenario.calendar,
    deraIds: [...deraPortfolios(scenario).keys()].sort(),
    ...{ clock, ledger },
    limits_pu: [low_pu, high_pu],
    nodes: [...description.nodePhases],
    // In the order of the powers of a minute, which is the scenario's.
    ders: scenario.ders.flatMap((owned) => {
      const { derId, device } = owned;
      const der = feeder.der(derId);
      if (der === undefined) return [];
      const { bus: node, phases, nameplate_W } = der;
      const deraId = deraOf(scenario, owned);
      return [{ derId, deraId, node, phases: phases.join(''), nameplate_W, device }];
    }),
    oneLine_svg: drawing.length > LARGEST_DRAWING_CHARS ? '' : drawing,
  };
}

export class LabPublisher {
  readonly #bus: Bus;
  readonly #log: Logger;
  #next: GridState | undefined;
  #sending: Promise<void> | undefined;

  constructor(bus: Bus, log: Logger) {
    this.#bus = bus;
    this.#log = log;
  }

  /** @throws as the bus. */
  async describe(lab: LabDescription): Promise<void> {
    await this.#bus.publish(topics.lab, lab, { retain: true });
  }

  /** Does not wait for the broker. */
  take({ at_ms, voltages_pu, power_W, available_W }: MinuteRecord): void {
    this.#next = {
      at_ms,
      voltages_upu: voltages_pu.map((pu) => Math.round(pu * 1e6)),
      power_W: power_W.map(Math.round),
      available_W: available_W.map(Math.round),
    };
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when the last state is with the broker, or could not be. */
  async settle(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    for (let state = this.#next; state !== undefined; state = this.#next) {
      this.#next = undefined;
      try {
        await this.#bus.publish(topics.gridStates, state);
      } catch (error) {
        this.#log.warn({ code: codeOf(error) }, `the feeder's state is not published: ${messageOf(error)}`);
      }
    }
  }
}
