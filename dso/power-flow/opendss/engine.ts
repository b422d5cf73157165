/**
 * PowerFlow on OpenDSS (its library `dss_capi`): hundreds of times as fast as the engine of record, and written
 * by others, so that it searches and cross-checks. The circuit is translated from the same GLM; it runs in a
 * process of its own, which this class keeps alive.
 */
import { readText } from '@fieldbid/core/config';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import { CaseChannels } from '../gridlabd/channels.ts';
import { unavailable } from '../gridlabd/process.ts';
import { CRASHES_PER_CASE, LOAD_DEADLINE_MS, SOLVE_DEADLINE_MS, START_ATTEMPTS } from '../patience.ts';
import type {
  Extremes,
  FeederDescription,
  FeederModel,
  NoSolution,
  PowerFlow,
  PowerFlowCase,
  Solution,
} from '../power-flow.ts';
import { recordLength } from './exchange.ts';
import { ownValues } from './loads.ts';
import { extremesOf, type ReadRecord, solutionOf } from './records.ts';
import { type Translation, translate } from './translate.ts';
import { type Unanswered, WorkerProcess } from './worker-process.ts';

export interface OpenDssOptions {
  /** File of libdss_capi (`findOpenDss`). */
  readonly library: string;
  /** Real ms for loading a model. */
  readonly loadDeadline_ms?: number;
  /** Real ms for a solved case; a batch has this, and a little for each of its cases. */
  readonly solveDeadline_ms?: number;
}

/** Many times what a large feeder needs per case in a batch. */
const BATCH_CASE_MS = 5;
/** Cases in one exchange: bounds memory, and what is solved again when one of them takes the process with it. */
const BATCH = 4096;

export class OpenDss implements PowerFlow {
  readonly description: FeederDescription;
  readonly #options: OpenDssOptions;
  readonly #model: FeederModel;
  readonly #translation: Translation;
  readonly #cases: CaseChannels;
  readonly #own: readonly number[];
  #worker: WorkerProcess | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * Translates a feeder and starts the engine.
   * @throws InputError for a model file that is missing, or DERs, loads or ratings that do not fit it.
   * @throws FieldbidError `FEEDER_NOT_TRANSLATED` naming what the translation does not know; `FEEDER_REJECTED` with
   * OpenDSS's own reason; `ISLANDED_NODE`; `ENGINE_UNAVAILABLE`.
   */
  static async open(model: FeederModel, options: OpenDssOptions): Promise<OpenDss> {
    const translation = translate(model, readText(model.file));
    const { worker, version } = await start(translation, model, options);
    return new OpenDss(translation, model, options, worker, version);
  }

  private constructor(
    translation: Translation,
    model: FeederModel,
    options: OpenDssOptions,
    worker: WorkerProcess,
    version: string,
  ) {
    this.#translation = translation;
    this.#model = model;
    this.#options = options;
    this.#worker = worker;
    this.#own = ownValues(translation.channels);
    this.#cases = new CaseChannels(translation.channels, model);
    this.description = { ...translation.description, engine: version };
  }

  /** Process id of the worker, while there is one. */
  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  async solve(one: PowerFlowCase): Promise<Solution | NoSolution> {
    const [result] = await this.solveAll([one]);
    return result!;
  }

  /** As `solveMany`, with all voltages of each case: what sensitivities need. Errors as `solve`. */
  async solveAll(cases: readonly PowerFlowCase[]): Promise<(Solution | NoSolution)[]> {
    return this.#solve(cases, true, solutionOf);
  }

  async solveMany(cases: readonly PowerFlowCase[]): Promise<(Extremes | NoSolution)[]> {
    return this.#solve(cases, false, extremesOf);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail.catch(() => {});
    await this.#worker?.end();
  }

  async #solve<T>(
    cases: readonly PowerFlowCase[],
    full: boolean,
    read: ReadRecord<T>,
  ): Promise<(T | NoSolution)[]> {
    const values = cases.map((one) => this.#cases.values(this.#own, one));
    const turn = this.#tail.then(async () => {
      const results: (T | NoSolution)[] = [];
      for (let from = 0; from < values.length; from += BATCH) {
        // One by one: a batch may be longer than what a call takes as arguments.
        for (const result of await this.#batch(values.slice(from, from + BATCH), full, read))
          results.push(result);
      }
      return results;
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** A batch that costs the process is solved again in halves, until the case that is to blame stands alone. */
  async #batch<T>(
    values: readonly (readonly number[])[],
    full: boolean,
    read: ReadRecord<T>,
    attempt = 1,
  ): Promise<(T | NoSolution)[]> {
    const answer = await this.#exchange(values, full);
    if (answer instanceof Float64Array) {
      const { nodePhases, ratedLinks } = this.description;
      const length = recordLength(full, nodePhases.length, ratedLinks.length);
      return values.map((_, i) => read(answer.subarray(i * length, (i + 1) * length), this.description));
    }
    if (values.length > 1) {
      const half = values.length >> 1;
      const first = await this.#batch(values.slice(0, half), full, read);
      return first.concat(await this.#batch(values.slice(half), full, read));
    }
    if (answer.end === 'deadline') return [{ failure: 'TIMED_OUT', reason: answer.reason }];
    // A process that dies may have been killed from outside: the same case is tried once more.
    if (attempt < CRASHES_PER_CASE) return this.#batch(values, full, read, attempt + 1);
    return [{ failure: 'DIVERGED', reason: `${answer.reason}, ${attempt} times` }];
  }

  async #exchange(values: readonly (readonly number[])[], full: boolean): Promise<Float64Array | Unanswered> {
    const worker = await this.#running();
    const deadline_ms =
      (this.#options.solveDeadline_ms ?? SOLVE_DEADLINE_MS) + BATCH_CASE_MS * (values.length - 1);
    const width = values[0]?.length ?? 0;
    const cases = new Float64Array(values.length * width);
    values.forEach((value, i) => {
      cases.set(value, i * width);
    });
    const reply = await worker.ask({ op: 'solve', count: values.length, cases, full }, deadline_ms);
    if (reply.ok && reply.op === 'solve') return reply.records;
    this.#worker = undefined;
    await worker.end();
    if (!reply.ok && 'end' in reply) return reply;
    return { ok: false, end: 'exit', reason: reply.ok ? 'the worker answered something else' : reply.reason };
  }

  async #running(): Promise<WorkerProcess> {
    if (this.#closed) throw unavailable('it was closed', false);
    this.#worker ??= (await start(this.#translation, this.#model, this.#options)).worker;
    return this.#worker;
  }
}

async function start(
  { commands, channels, voltages, rated, feeding }: Translation,
  { file }: FeederModel,
  { library, loadDeadline_ms = LOAD_DEADLINE_MS }: OpenDssOptions,
): Promise<{ worker: WorkerProcess; version: string }> {
  const loads = channels.map(({ index }) => index);
  let last: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const worker = new WorkerProcess();
    try {
      const request = { op: 'load', library, commands, loads, voltages, rated, feeding } as const;
      const reply = await worker.ask(request, loadDeadline_ms);
      if (reply.ok && reply.op === 'load') return { worker, version: reply.version };
      if (!reply.ok && !('end' in reply) && reply.by === 'circuit') {
        throw new FieldbidError('FEEDER_REJECTED', `OpenDSS rejects ${file}: ${reply.reason}`, {
          details: { file },
        });
      }
      throw new RangeError(reply.ok ? 'the worker answered something else' : reply.reason);
    } catch (error) {
      await worker.end();
      if (codeOf(error) === 'FEEDER_REJECTED') throw error;
      last = error;
    }
  }
  throw unavailable(`OpenDSS cannot be started: ${messageOf(last)}`, true, last);
}
