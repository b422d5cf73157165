/**
 * PowerFlow on GridLAB-D (package `gridlabd`): the engine of record. The model runs in a Python process of its
 * own; this class writes the model with the DERs in it, keeps the process alive and checks what it answers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { codeOf, describeFound, FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import type {
  Extremes,
  FeederDescription,
  FeederModel,
  LinkDescription,
  NodeDescription,
  NoSolution,
  PowerFlow,
  PowerFlowCase,
  Solution,
} from '../power-flow.ts';
import { unreachable } from '../reachability.ts';
import { type Channel, channelsFor, channelValues } from './channels.ts';
import { derObject, derObjects, type GlmObject, objectsIn, phasesOf } from './glm.ts';
import { type Answer, BridgeProcess } from './process.ts';

export interface GridLabDOptions {
  /** Interpreter that has the package (`ensurePythonEnvironment`). */
  readonly python: string;
  /** Real ms for loading a model. */
  readonly loadDeadline_ms?: number;
  /** Real ms per solved case. */
  readonly solveDeadline_ms?: number;
}

const LOAD_DEADLINE_MS = 60_000;
const SOLVE_DEADLINE_MS = 5_000;
/** Starts in a row that may fail before the engine is reported as unavailable. */
const START_ATTEMPTS = 2;

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
    }
    const channels = channelsFor(model, objects);
    const folder = mkdtempSync(join(tmpdir(), 'fieldbid-feeder-'));
    const file = join(folder, basename(model.file));
    writeFileSync(file, `${text}\n${derObjects(model.ders, objects)}`);
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
    this.description = description;
  }

  /** Process id of the engine, while there is one. */
  get pid(): number | undefined {
    return this.#loaded?.process.pid;
  }

  solve(one: PowerFlowCase): Promise<Solution | NoSolution> {
    const values = this.#values(one);
    return this.#inTurn(async () => {
      const answer = await this.#ask({ op: 'solve', values }, 1);
      if (!answer.ok) return this.#noSolution(answer.code, answer.reason);
      return solution(answer.voltages_pu as [number, number][]);
    });
  }

  solveMany(cases: readonly PowerFlowCase[]): Promise<(Extremes | NoSolution)[]> {
    const values = cases.map((one) => this.#values(one));
    return this.#inTurn(async () => {
      const results: (Extremes | NoSolution)[] = [];
      while (results.length < values.length) {
        const rest = values.slice(results.length);
        const answer = await this.#ask({ op: 'solveMany', cases: rest }, rest.length);
        if (!answer.ok) {
          results.push(await this.#noSolution(answer.code, answer.reason));
          continue;
        }
        const solved = (answer.results ?? []) as [number, string, number, string][];
        results.push(...solved.map(([max_pu, maxAt, min_pu, minAt]) => ({ max_pu, maxAt, min_pu, minAt })));
        const failed = answer.failed as { code?: string; reason?: string } | undefined;
        if (failed !== undefined) results.push(await this.#noSolution(failed.code, failed.reason));
      }
      return results;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail.catch(() => {});
    await this.#loaded?.process.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #values(one: PowerFlowCase): number[] {
    return channelValues(this.#prepared.channels, this.#own, one, this.#prepared.model);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** Asks the engine, starting it first when it is gone. A timeout is an answer too: the case has none. */
  async #ask(request: Record<string, unknown>, cases: number): Promise<Answer> {
    if (this.#closed) throw new FieldbidError('ENGINE_UNAVAILABLE', 'the engine was closed');
    if (this.#loaded === undefined || !this.#loaded.process.alive) {
      this.#loaded = (await start(this.#prepared, this.#options)).loaded;
      this.#own = this.#loaded.own;
    }
    const deadline_ms = cases * (this.#options.solveDeadline_ms ?? SOLVE_DEADLINE_MS);
    try {
      return await this.#loaded.process.request(request, deadline_ms);
    } catch (error) {
      if (codeOf(error) === 'DEADLINE') return { ok: false, code: 'TIMED_OUT', reason: messageOf(error) };
      // Died under us: the next call starts another; this one is told.
      throw new FieldbidError('ENGINE_UNAVAILABLE', messageOf(error), { cause: error, retryable: true });
    }
  }

  /** A failed solve leaves the process in a state that may hang: it is not used again. */
  async #noSolution(code: string | undefined, reason: string | undefined): Promise<NoSolution> {
    await this.#loaded?.process.end();
    this.#loaded = undefined;
    if (code === 'DIVERGED' || code === 'BAD_VOLTAGE' || code === 'TIMED_OUT') {
      return { failure: code, reason: reason ?? '' };
    }
    throw new FieldbidError('ENGINE_UNAVAILABLE', `GridLAB-D refused a case: ${code}: ${reason}`, {
      retryable: true,
    });
  }
}

async function start(
  { file, model, channels, objects }: Prepared,
  options: GridLabDOptions,
): Promise<{ loaded: Loaded; description: FeederDescription }> {
  const deadline_ms = options.loadDeadline_ms ?? LOAD_DEADLINE_MS;
  const hidden = model.ders.map(({ derId }) => derObject(derId));
  let last: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const process = new BridgeProcess(options.python);
    try {
      const ask = async (request: Record<string, unknown>) =>
        accepted(await process.request(request, deadline_ms), file, model.file);
      const description = describe(await ask({ op: 'load', file, hidden }), objects, model);
      const names = channels.map(({ object, property }) => [object, property]);
      const reported = description.nodes.map(({ name, phases }) => [name, phases]);
      const own = (await ask({ op: 'channels', channels: names, reported })).values as number[];
      return { loaded: { process, own }, description };
    } catch (error) {
      await process.end();
      if (['FEEDER_REJECTED', 'ISLANDED_NODE'].includes(codeOf(error))) throw error;
      last = error;
    }
  }
  throw new FieldbidError('ENGINE_UNAVAILABLE', `GridLAB-D cannot be started: ${messageOf(last)}`, {
    cause: last,
    retryable: true,
  });
}

function accepted(answer: Answer, file: string, shown: string): Answer {
  if (answer.ok) return answer;
  const code = answer.code === 'FEEDER_REJECTED' ? 'FEEDER_REJECTED' : 'ENGINE_FAULT';
  // The engine read a copy with the DERs appended: the line numbers are the user's file's.
  throw new FieldbidError(code, `${shown}: ${(answer.reason ?? '').replaceAll(file, shown)}`);
}

/**
 * A node beyond an open switch has no voltage: its phases are left out. One that carries a load or a DER is a
 * mistake in the model, which GridLAB-D would "solve" with nonsense.
 */
function describe(
  answer: Answer,
  objects: ReadonlyMap<string, GlmObject>,
  model: FeederModel,
): FeederDescription {
  const nodes = answer.nodes as NodeDescription[];
  const links = answer.links as LinkDescription[];
  const [swing, ...more] = answer.swing as string[];
  if (swing === undefined || more.length > 0) {
    const count = more.length + (swing === undefined ? 0 : 1);
    throw new FieldbidError('FEEDER_REJECTED', `${model.file}: ${count} swing buses, one is needed`);
  }
  const parents = new Map<string, string>();
  for (const { name, properties } of objects.values()) {
    const parent = properties.get('parent');
    if (parent !== undefined) parents.set(name, parent);
  }
  const islands = new Set(unreachable(nodes, links, swing, parents));
  const carries = new Set([...parents.values(), ...model.ders.map(({ bus }) => bus)]);
  const loaded = [...islands].filter((nodePhase) => {
    const name = nodePhase.slice(0, nodePhase.lastIndexOf('.'));
    return carries.has(name) || objects.get(name)?.kind === 'load';
  });
  if (loaded.length > 0) {
    const named = loaded.slice(0, 10).join(', ');
    throw new FieldbidError(
      'ISLANDED_NODE',
      `${model.file}: no closed link connects ${named} to the swing bus ${swing}`,
    );
  }
  const live = nodes
    .map((node) => ({
      ...node,
      phases: node.phases.filter((phase) => !islands.has(`${node.name}.${phase}`)),
    }))
    .filter(({ phases }) => phases.length > 0);
  const remarks = [...(answer.remarks as string[])];
  if (islands.size > 0)
    remarks.push(`without voltage, beyond open switches: ${[...islands].sort().join(', ')}`);
  return {
    engine: String(answer.engine),
    nodes: live,
    nodePhases: live.flatMap(({ name, phases }) => phases.map((phase) => `${name}.${phase}`)),
    links,
    swing,
    remarks,
  };
}

function solution(voltages: readonly [number, number][]): Solution {
  const bad = voltages.find(([re, im]) => !Number.isFinite(re) || !Number.isFinite(im));
  if (bad !== undefined)
    throw new FieldbidError('ENGINE_UNAVAILABLE', `the engine answered ${describeFound(bad)}`);
  return {
    magnitude_pu: voltages.map(([re, im]) => Math.hypot(re, im)),
    angle_deg: voltages.map(([re, im]) => (Math.atan2(im, re) * 180) / Math.PI),
  };
}
