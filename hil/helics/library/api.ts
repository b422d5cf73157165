/**
 * The C interface of libhelics (helics_api.h, 3.6), called through koffi: the part of it that we use. Calls that
 * may wait (connecting, entering a mode, asking for a time) run on a thread of libuv's pool, which they hold.
 * @see https://docs.helics.org/en/latest/references/api-reference/C_API.html
 */

import { FieldbidError } from '@fieldbid/core/errors';
import koffi, { type LibraryHandle } from 'koffi';

/** Enumerators of helics_api.h. */
export const PROPERTY_LOG_LEVEL = 271;
export const FLAG_TERMINATE_ON_ERROR = 72;
export const LOG_LEVEL_NO_PRINT = -4;

/** A handle that libhelics gave out. */
export type Handle = unknown;

interface ErrorOut {
  error_code: number;
  message: string | null;
}
type Argument = string | number | Handle | Uint8Array;
type Native = ReturnType<LibraryHandle['func']>;
type ErrorParameter = ReturnType<typeof koffi.inout>;

/** name → result and parameters but the last, which is always `HelicsError *`. */
const CHECKED = {
  federateInfoSetCoreName: ['void', 'void *, const char *'],
  federateInfoSetCoreTypeFromString: ['void', 'void *, const char *'],
  federateInfoSetCoreInitString: ['void', 'void *, const char *'],
  federateInfoSetFlagOption: ['void', 'void *, int, int'],
  federateInfoSetIntegerProperty: ['void', 'void *, int, int'],
  createCombinationFederate: ['void *', 'const char *, void *'],
  federateRegisterGlobalEndpoint: ['void *', 'void *, const char *, const char *'],
  federateRegisterGlobalTypePublication: ['void *', 'void *, const char *, const char *, const char *'],
  federateRegisterSubscription: ['void *', 'void *, const char *, const char *'],
  federateEnterExecutingMode: ['void', 'void *'],
  federateRequestTime: ['double', 'void *, double'],
  federateDisconnect: ['void', 'void *'],
  federateGlobalError: ['void', 'void *, int, const char *'],
  publicationPublishDouble: ['void', 'void *, double'],
  inputGetDouble: ['double', 'void *'],
  endpointSendBytesTo: ['void', 'void *, const uint8_t *, int, const char *'],
  queryCoreExecute: ['const char *', 'void *, void *'],
  federateGetCore: ['void *', 'void *'],
} as const;
/** Those without an error. */
const PLAIN = {
  createFederateInfo: ['void *', ''],
  federateInfoFree: ['void', 'void *'],
  federateFree: ['void', 'void *'],
  inputIsUpdated: ['int', 'void *'],
  endpointHasMessage: ['int', 'void *'],
  endpointGetMessage: ['void *', 'void *'],
  messageGetOriginalSource: ['const char *', 'void *'],
  messageGetByteCount: ['int', 'void *'],
  messageGetBytesPointer: ['void *', 'void *'],
  messageFree: ['void', 'void *'],
  createQuery: ['void *', 'const char *, const char *'],
  queryFree: ['void', 'void *'],
  getVersion: ['const char *', ''],
  abort: ['void', 'int, const char *'],
} as const;

type CheckedName = keyof typeof CHECKED;
type PlainName = keyof typeof PLAIN;

export class HelicsApi {
  static readonly #opened = new Map<string, HelicsApi>();
  readonly #checked: Record<CheckedName, Native>;
  readonly #plain: Record<PlainName, Native>;
  /** `3.6.1 (2025-02-24)`. */
  readonly version: string;

  /** The library of a file, loaded once per process. @throws Error where the file is no such library. */
  static open(file: string): HelicsApi {
    const known = HelicsApi.#opened.get(file) ?? new HelicsApi(file);
    HelicsApi.#opened.set(file, known);
    return known;
  }

  private constructor(file: string) {
    const library = koffi.load(file);
    keepLoaded(file);
    const error = koffi.struct({ error_code: 'int32_t', message: 'const char *' });
    const errorOut = koffi.inout(koffi.pointer(error));
    const native = (name: string, result: string, parameters: string, last: ErrorParameter[]): Native => {
      const types = parameters === '' ? [] : parameters.split(', ');
      return library.func(`helics${name[0]?.toUpperCase()}${name.slice(1)}`, result, [...types, ...last]);
    };
    const all = <K extends string>(
      table: Record<K, readonly [string, string]>,
      last: ErrorParameter[],
    ): Record<K, Native> => {
      const entries = Object.entries<readonly [string, string]>(table);
      return Object.fromEntries(
        entries.map(([name, [result, parameters]]) => [name, native(name, result, parameters, last)]),
      ) as Record<K, Native>;
    };
    this.#checked = all(CHECKED, [errorOut]);
    this.#plain = all(PLAIN, []);
    this.version = this.plain('getVersion');
  }

  /** @throws FieldbidError `HELICS_FAILED` with the library's own words. */
  call<T = void>(name: CheckedName, ...args: Argument[]): T {
    const error: ErrorOut = { error_code: 0, message: null };
    const result = this.#checked[name](...args, error) as T;
    refuse(name, error);
    return result;
  }

  /** The same on another thread. */
  callAsync<T = void>(name: CheckedName, ...args: Argument[]): Promise<T> {
    const error: ErrorOut = { error_code: 0, message: null };
    return new Promise<T>((resolve, reject) => {
      this.#checked[name].async(...args, error, (failure: Error | null, result: T) => {
        try {
          if (failure !== null) throw failure;
          refuse(name, error);
          resolve(result);
        } catch (cause) {
          reject(cause);
        }
      });
    });
  }

  plain<T = string>(name: PlainName, ...args: Argument[]): T {
    return this.#plain[name](...args) as T;
  }

  /** A message's content, copied out of the library's memory. */
  bytesOf(message: Handle): Buffer {
    const count = this.plain<number>('messageGetByteCount', message);
    if (count === 0) return Buffer.alloc(0);
    return Buffer.from(
      new Uint8Array(koffi.view(this.plain<Handle>('messageGetBytesPointer', message), count)),
    );
  }
}

/** dlfcn.h. */
const RTLD_NOW = 2;
const RTLD_NODELETE = process.platform === 'darwin' ? 0x80 : 0x1000;

/**
 * Node unloads what was loaded through koffi when it ends. Threads of HELICS may run for a moment longer, and would then be in
 * code that is gone (SIGSEGV in one of 80 runs on a busy machine): loaded once more, the library stays until the process ends.
 */
function keepLoaded(file: string): void {
  if (process.platform === 'win32') return;
  const dlopen = koffi.load(null).func('dlopen', 'void *', ['const char *', 'int']);
  dlopen(file, RTLD_NOW | RTLD_NODELETE);
}

function refuse(name: string, { error_code, message }: ErrorOut): void {
  if (error_code === 0) return;
  throw new FieldbidError(
    'HELICS_FAILED',
    `HELICS, asked to ${words(name)}: ${message ?? 'no reason given'} (${error_code})`,
    {
      details: { error_code },
    },
  );
}

/** `federateRequestTime` → `federate request time`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
