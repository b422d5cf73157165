/** Faults on demand over HTTP, as `fieldbid fault` asks the page of a run for them (core/lab/faults.ts has the API). */
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { FAULTS_PATH, FaultMark, type FaultOrder, FaultsNow } from '@fieldbid/core/lab/faults';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static } from 'typebox';

/** In a run's folder while it can be told what to let go wrong: address and token. */
export const CONTROL_FILE = 'control.json';
const OWNER_ONLY = 0o600;
const DEADLINE_MS = 60_000;

const closed = { additionalProperties: false } as const;
const ControlFile = Type.Object(
  { url: Type.String({ pattern: '^http://' }), token: Type.String({ minLength: 16 }) },
  closed,
);
type ControlFile = Static<typeof ControlFile>;

/** Readable by its owner only: the token lets anybody break the run. @returns what takes it away again. */
export function writeControlFile(folder: string, control: ControlFile): () => void {
  const file = join(folder, CONTROL_FILE);
  writeFileSync(file, `${JSON.stringify(control, null, 2)}\n`, { mode: OWNER_ONLY });
  chmodSync(file, OWNER_ONLY);
  return () => rmSync(file, { force: true });
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
        expected: 'the folder of a run that is under way with its page (--page)',
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
