/**
 * Faults on demand over HTTP, as the operator's page offers them and `fieldbid fault` asks for them: `GET /api/faults`,
 * `POST /api/faults`, `DELETE /api/faults/:id`, each with the bearer token of the run.
 */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { FAULT_KINDS, FaultMark, type FaultOrder } from '@fieldbid/core/lab/faults';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static } from 'typebox';

export const FAULTS_PATH = '/api/faults';
/** In a run's folder: where its bench can be told what to let go wrong. */
const CONTROL_FILE = 'control.json';
const OWNER_ONLY = 0o600;
const DEADLINE_MS = 60_000;

const closed = { additionalProperties: false } as const;
const ControlFile = Type.Object(
  { url: Type.String({ pattern: '^http://' }), token: Type.String({ minLength: 16 }) },
  closed,
);
type ControlFile = Static<typeof ControlFile>;

/** What `GET /api/faults` answers. */
export const FaultsNow = Type.Object(
  {
    offers: Type.Array(
      Type.Object({ fault: Type.Enum([...FAULT_KINDS]), targets: Type.Array(Type.String()) }, closed),
    ),
    marks: Type.Array(FaultMark),
  },
  closed,
);
export type FaultsNow = Static<typeof FaultsNow>;

/** Readable by its owner only: the token lets anybody break the run. */
export function writeControlFile(folder: string, control: ControlFile): void {
  const file = join(folder, CONTROL_FILE);
  writeFileSync(file, `${JSON.stringify(control)}\n`, { mode: OWNER_ONLY });
  chmodSync(file, OWNER_ONLY);
}

/** A way to a running bench. */
export class FaultClient {
  readonly #control: ControlFile;

  /** @throws InputError when the folder is not that of a run that can be told. */
  constructor(folder: string) {
    const file = join(folder, CONTROL_FILE);
    if (!existsSync(file)) {
      const found = `no ${CONTROL_FILE}`;
      throw new InputError({
        source: folder,
        path: '',
        found,
        expected: 'the folder of a run that is under way',
      });
    }
    this.#control = parse(ControlFile, JSON.parse(readText(file)), file);
  }

  async list(): Promise<FaultsNow> {
    return parse(FaultsNow, await this.#call('GET', ''), 'answer of the bench');
  }

  /** A fault that is not possible now is a mark with the outcome `refused`. */
  async inject(order: FaultOrder): Promise<FaultMark> {
    return parse(FaultMark, await this.#call('POST', '', order), 'answer of the bench');
  }

  /** @throws FieldbidError `FAULT_UNKNOWN` for one that is not there or is over. */
  async end(id: string): Promise<FaultMark> {
    return parse(FaultMark, await this.#call('DELETE', `/${encodeURIComponent(id)}`), 'answer of the bench');
  }

  /** @throws FieldbidError `BENCH_UNAVAILABLE` (retryable), `BENCH_REFUSED`, `FAULT_UNKNOWN`. */
  async #call(method: string, path: string, body?: FaultOrder): Promise<unknown> {
    const { url, token } = this.#control;
    let response: Response;
    try {
      response = await fetch(`${url.replace(/\/+$/, '')}${FAULTS_PATH}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(DEADLINE_MS),
        redirect: 'error',
      });
    } catch (cause) {
      const about = { cause, retryable: true };
      throw new FieldbidError('BENCH_UNAVAILABLE', `no bench answers at ${url}: is the run over?`, about);
    }
    if (response.status === 404) throw new FieldbidError('FAULT_UNKNOWN', 'no such fault is in force');
    if (response.ok) return response.json();
    const why = await response.text().catch(messageOf);
    throw new FieldbidError('BENCH_REFUSED', `the bench refuses (${response.status}): ${why.slice(0, 300)}`);
  }
}
