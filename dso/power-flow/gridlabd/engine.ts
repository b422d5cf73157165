/**
 * PowerFlow on GridLAB-D (package `gridlabd`): the engine of record. The model runs in a Python process of its
 * own; this class writes the model with the DERs in it, keeps the process alive and checks what it answers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { codeOf, FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { CRASHES_PER_CASE, LOAD_DEADLINE_MS, SOLVE_DEADLINE_MS, START_ATTEMPTS } from '../patience.ts';
import { placesOf } from '../places.ts';
import type {
  Extremes,
  FeederDescription,
  FeederModel,
  NoSolution,
  PowerFlow,
  PowerFlowCase,
  Solution,
} from '../power-flow.ts';
import { monitoredVoltages } from '../voltages.ts';
import { CaseChannels, type Channel, channelsFor } from './channels.ts';
import { describe } from './description.ts';
import { derObject, derObjects, type GlmObject, objectsIn, phasesOf } from './glm.ts';
import { type Answer, BridgeProcess, type ExchangeEnd, unavailable } from './process.ts';

export interface GridLabDOptions {
  /** Interpreter that has the package (`ensurePythonEnvironment`). */
  readonly python: string;
  /** Real ms for loading a model. */
  readonly loadDeadline_ms?: number;
  /** Real ms per solved case. */
  readonly solveDeadline_ms?: number;
}

/** A model with its DERs, written to a file and ready to be loaded by however many processes it takes. */
interface Prepared {
  readonly file: string;
  readonly model: FeederModel;
  readonly channels: readonly Channel[];
  readonly objects: ReadonlyMap<string, GlmObject>;
}

interface Loaded {
  readonly process: BridgeProcess;
  /** The model's own value of each channel, re and im in turn. */
  readonly own: readonly number[];
}

export class GridLabD implements PowerFlow {
  readonly description: FeederDescription;
  readonly #options: GridLabDOptions;
  readonly #folder: string;
  readonly #prepared: Prepared;
  #loaded: Loaded | undefined;
  readonly #cases: CaseChannels;
  #own: readonly number[];
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * Loads a feeder and starts the engine.
   * @throws InputError for a model file that is missing, or a DER on a bus or phase that the model has not.
   * @throws FieldbidError `FEEDER_REJECTED` with GridLAB-D's own file, line and reason; `ISLANDED_NODE` naming
   * what no closed link connects to the swing bus; `ENGINE_UNAVAILABLE`.
   */
  static async open(model: FeederModel, options: GridLabDOptions): Promise<GridLabD> {
    const text = readText(model.file);
    const objects = new Map(objectsIn(text).map((object) => [object.name, object]));
    for (const { derId, bus, phases } of model.ders) {
      const has = phasesOf(objects.get(bus)?.properties.get('phases'));
      if (!objects.has(bus) || !phases.every((phase) => has.includes(phase))) {
        throw new InputError({
          source: model.file,
          path: `/ders/${derId}`,
          found: `bus ${bus}, phases ${phases.join('')}`,
          expected: objects.has(bus) ? `phases among ${has.join('')}` : 'a bus of the model',
        });
      }
      if (model.voltages === 'line-to-line' && phases.length < 2) {
        throw new InputError({
          source: model.file,
          path: `/ders/${derId}`,
          found: `the single phase ${phases.join('')}`,
          expected: 'two phases or three: a three-wire feeder has no neutral to connect to',
        });
      }
    }
    const channels = channelsFor(model, objects);
    const folder = mkdtempSync(join(tmpdir(), 'fieldbid-feeder-'));
    const file = join(folder, basename(model.file));
    writeFileSync(
      file,
      `${text}\n${derObjects(placesOf(model.ders).representatives, objects, model.voltages)}`,
    );
    try {
      const { loaded, description } = await start({ file, model, channels, objects }, options);
      return new GridLabD({ file, model, channels, objects }, options, folder, loaded, description);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(
    prepared: Prepared,
    options: GridLabDOptions,
    folder: string,
    loaded: Loaded,
    description: FeederDescription,
  ) {
    this.#prepared = prepared;
    this.#options = options;
    this.#folder = folder;
    this.#loaded = loaded;
    this.#own = loaded.own;
    this.#cases = new CaseChannels(prepared.channels, prepared.model);
    this.description = description;
  }

  /** Process id of the engine, while there is one. */
  get pid(): number | undefined {
    return this.#loaded?.process.pid;
  }

  async solve(one: PowerFlowCase): Promise<Solution | NoSolution> {
    const values = this.#values(one);
    const [result] = await this.#inTurn(() => this.#solveAll([values], true, solutionOf));
    return result!;
  }

  async solveMany(cases: readonly PowerFlowCase[]): Promise<(Extremes | NoSolution)[]> {
    const values = cases.map((one) => this.#values(one));
    return this.#inTurn(() => this.#solveAll(values, false, extremesOf));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail.catch(() => {});
    await this.#loaded?.process.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #values(one: PowerFlowCase): number[] {
    return this.#cases.values(this.#own, one);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /**
   * A case that fails costs the process it ran in (after a failed solve the next one may hang); those after it
   * are solved by a new one.
   */
  async #solveAll<T>(
    cases: readonly number[][],
    voltages: boolean,
    read: (answer: Answer) => T,
  ): Promise<(T | NoSolution)[]> {
    const deadline_ms = this.#options.solveDeadline_ms ?? SOLVE_DEADLINE_MS;
    const results: (T | NoSolution)[] = [];
    let crashes = 0;
    while (results.length < cases.length) {
      const { process } = await this.#running();
      const from = results.length;
      const rest = cases.slice(from);
      const request = { op: 'solve', cases: rest, voltages };
      const ended = await process.exchange(request, rest.length, deadline_ms, (answer) => {
        results.push(read(answer));
      });
      if (ended.end === 'complete') break;
      this.#loaded = undefined;
      await process.end();
      // A process that dies may have been killed from outside: the same case is tried once more.
      if (results.length > from) crashes = 0;
      if (ended.end === 'exit' && ++crashes < CRASHES_PER_CASE) continue;
      results.push(noSolution(ended, deadline_ms));
      crashes = 0;
    }
    return results;
  }

  async #running(): Promise<Loaded> {
    if (this.#closed) throw unavailable('it was closed', false);
    this.#loaded ??= (await start(this.#prepared, this.#options)).loaded;
    return this.#loaded;
  }
}

async function start(
  { file, model, channels, objects }: Prepared,
  options: GridLabDOptions,
): Promise<{ loaded: Loaded; description: FeederDescription }> {
  const deadline_ms = options.loadDeadline_ms ?? LOAD_DEADLINE_MS;
  const children = [...objects.values()].filter(({ properties }) => properties.has('parent'));
  const hidden = [
    ...placesOf(model.ders).representatives.map(({ derId }) => derObject(derId)),
    ...children.map(({ name }) => name),
  ];
  let last: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const process = new BridgeProcess(options.python, dirname(model.file));
    try {
      const tell = (request: Record<string, unknown>) => ask(process, request, deadline_ms, file, model.file);
      const description = describe(await tell({ op: 'load', file, hidden }), objects, model);
      const names = channels.map(({ object, property }) => [object, property]);
      const kind = model.voltages ?? 'line-to-neutral';
      const reported = description.nodes.map(({ name, phases }) => [name, monitoredVoltages(phases, kind)]);
      const rated = [...(model.ratings ?? [])].map(([link, { kind, rating }]) => [link, kind, rating]);
      const own = (await tell({ op: 'channels', channels: names, reported, rated })).values as number[];
      return { loaded: { process, own }, description };
    } catch (error) {
      await process.end();
      if (['FEEDER_REJECTED', 'INVALID_INPUT', 'ISLANDED_NODE'].includes(codeOf(error))) throw error;
      last = error;
    }
  }
  throw unavailable(`GridLAB-D cannot be started: ${messageOf(last)}`, true, last);
}

/** One request with one answer. */
async function ask(
  process: BridgeProcess,
  request: Record<string, unknown>,
  deadline_ms: number,
  file: string,
  shown: string,
): Promise<Answer> {
  let found: Answer | undefined;
  const ended = await process.exchange(request, 1, deadline_ms, (answer) => {
    found = answer;
  });
  if (found !== undefined) return found;
  if (ended.end === 'refused' && ended.code === 'FEEDER_REJECTED') {
    // The engine read a copy with the DERs appended: the line numbers are the user's file's.
    const reason = ended.reason.replaceAll(file, shown);
    const line = /\((\d+)\)\s*:/.exec(reason)?.[1];
    throw new FieldbidError('FEEDER_REJECTED', `GridLAB-D rejects ${shown}: ${reason}`, {
      details: { file: shown, reason, ...(line === undefined ? {} : { line: Number(line) }) },
    });
  }
  if (ended.end === 'refused') throw unavailable(`${ended.code}: ${ended.reason}`);
  throw unavailable(ended.end === 'exit' ? ended.reason : `no answer within ${deadline_ms} ms`);
}

function noSolution(ended: Exclude<ExchangeEnd, { end: 'complete' }>, deadline_ms: number): NoSolution {
  if (ended.end === 'deadline') return { failure: 'TIMED_OUT', reason: `no answer within ${deadline_ms} ms` };
  if (ended.end === 'exit')
    return { failure: 'DIVERGED', reason: `${ended.reason}, ${CRASHES_PER_CASE} times` };
  if (ended.code === 'DIVERGED' || ended.code === 'BAD_VOLTAGE') {
    return { failure: ended.code, reason: ended.reason };
  }
  throw unavailable(`${ended.code}: ${ended.reason}`);
}

function extremesOf(answer: Answer): Extremes {
  const { max, maxAt, min, minAt, loading, loadingAt, swing } = answer;
  return {
    max_pu: Number(max),
    maxAt: String(maxAt),
    min_pu: Number(min),
    minAt: String(minAt),
    loading_pu: Number(loading),
    loadingAt: loadingAt === null ? null : String(loadingAt),
    swing_W: Number(swing),
  };
}

function solutionOf(answer: Answer): Solution {
  const parts = answer.voltages as number[];
  const magnitude_pu: number[] = [];
  const angle_deg: number[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const re = parts[i] ?? Number.NaN;
    const im = parts[i + 1] ?? Number.NaN;
    magnitude_pu.push(Math.hypot(re, im));
    angle_deg.push((Math.atan2(im, re) * 180) / Math.PI);
  }
  return {
    magnitude_pu,
    angle_deg,
    loading_pu: answer.loadings as number[],
    swing_W: Number(answer.swing),
  };
}
