/**
 * The shared library of OpenDSS (libdss_capi), called through koffi. Only the worker process loads it: a fault
 * in it ends that process and no other.
 */
import koffi from 'koffi';

/** OpenDSS refuses a command, or a solve that it cannot even begin. */
export class DssError extends Error {
  override readonly name = 'DssError';
}

const NO_ERROR = 0;
const FLOATS_PER_COMPLEX = 2;
const BYTES_PER_FLOAT = 8;

export class DssLibrary {
  /** `OpenDSS (dss_capi 0.14.5)`. */
  readonly version: string;
  readonly #command: (text: string) => void;
  readonly #errorNumber: () => number;
  readonly #errorText: () => string;
  readonly #selectLoad: (index: number) => void;
  readonly #setLoad_kW: (kW: number) => void;
  readonly #setLoad_kvar: (kvar: number) => void;
  readonly #solve: () => void;
  readonly #converged: () => number;
  readonly #selectElement: (name: string) => number;
  readonly #askAdmittance: () => void;
  readonly #askNodes: () => void;
  readonly #askVoltages: (out: [unknown]) => void;
  /** Buffers that the library leaves its answers in, with their lengths. */
  readonly #texts: unknown;
  readonly #floats: unknown;
  readonly #textCount: unknown;
  readonly #floatCount: unknown;

  /** @throws Error where the file is no such library. */
  constructor(file: string) {
    const library = koffi.load(file);
    library.func('uint16_t DSS_Start(int32_t)')(0);
    // It must not open an editor or a window, run a program, or change the folder.
    for (const permission of ['AllowEditor', 'AllowForms', 'AllowDOScmd', 'AllowChangeDir']) {
      library.func(`void DSS_Set_${permission}(uint16_t)`)(0);
    }
    const version = String(library.func('const char *DSS_Get_Version()')());
    this.version = `OpenDSS (dss_capi ${/version (\S+)/.exec(version)?.[1] ?? 'of unknown version'})`;
    this.#command = library.func('void Text_Set_Command(const char *)');
    this.#errorNumber = library.func('int32_t Error_Get_Number()');
    this.#errorText = library.func('const char *Error_Get_Description()');
    this.#selectLoad = library.func('void Loads_Set_idx(int32_t)');
    this.#setLoad_kW = library.func('void Loads_Set_kW(double)');
    this.#setLoad_kvar = library.func('void Loads_Set_kvar(double)');
    this.#solve = library.func('void Solution_Solve()');
    this.#converged = library.func('uint16_t Solution_Get_Converged()');
    this.#selectElement = library.func('int32_t Circuit_SetActiveElement(const char *)');
    this.#askAdmittance = library.func('void CktElement_Get_Yprim_GR()');
    this.#askNodes = library.func('void Circuit_Get_YNodeOrder_GR()');
    this.#askVoltages = library.func('void YMatrix_getVpointer(_Out_ double **)');
    const pointers = Array.from({ length: 8 }, () => [null] as [unknown]);
    const out = Array.from({ length: 8 }, () => '_Out_ void **').join(', ');
    library.func(`void DSS_GetGRPointers(${out})`)(...pointers);
    [this.#texts, this.#floats] = [pointers[0]?.[0], pointers[1]?.[0]];
    [this.#textCount, this.#floatCount] = [pointers[4]?.[0], pointers[5]?.[0]];
  }

  /** @throws DssError with OpenDSS's own words. */
  command(text: string): void {
    this.#command(text);
    const number = this.#errorNumber();
    if (number !== NO_ERROR) throw new DssError(`${text}: ${this.#errorText()} (${number})`);
  }

  /** @param index of the load among all, from 1. */
  setLoad(index: number, power_W: number, reactive_var: number): void {
    this.#selectLoad(index);
    // In this order: kW alone would keep the power factor.
    this.#setLoad_kW(power_W / 1000);
    this.#setLoad_kvar(reactive_var / 1000);
  }

  /** @returns whether it converged. @throws DssError */
  solve(): boolean {
    this.#solve();
    const number = this.#errorNumber();
    if (number !== NO_ERROR) throw new DssError(`solve: ${this.#errorText()} (${number})`);
    return this.#converged() !== 0;
  }

  /** Names of all nodes, `B3.1`, in the order of the voltages after the ground. */
  nodes(): string[] {
    this.#askNodes();
    const count = this.#count(this.#textCount);
    return koffi.decode(koffi.decode(this.#texts, 'void *'), koffi.array('char *', count)) as string[];
  }

  /**
   * Voltages of the ground and of all nodes, re and im in turn: OpenDSS's own memory, which changes with each
   * solve. A voltage that is written here is where the next solve starts.
   */
  voltages(nodes: number): Float64Array {
    const out: [unknown] = [null];
    this.#askVoltages(out);
    return new Float64Array(koffi.view(out[0], (nodes + 1) * FLOATS_PER_COMPLEX * BYTES_PER_FLOAT));
  }

  /** Primitive admittance matrix of an element, row by row, re and im in turn. @throws DssError */
  admittance(element: string): Float64Array {
    if (this.#selectElement(element) < 0) throw new DssError(`no element ${element}`);
    this.#askAdmittance();
    const count = this.#count(this.#floatCount);
    const floats = koffi.decode(koffi.decode(this.#floats, 'void *'), koffi.array('double', count));
    return Float64Array.from(floats as ArrayLike<number>);
  }

  #count(pointer: unknown): number {
    return (koffi.decode(pointer, 'int32_t', 1) as ArrayLike<number>)[0] ?? 0;
  }
}
