/**
 * A GLM as the translation reads it. Nothing is passed over in silence: an object, property or value that the
 * translation does not know is refused by name, because a model that is half translated answers wrongly.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { type GlmObject, objectsIn, phasesOf } from '../gridlabd/glm.ts';
import type { Phase } from '../power-flow.ts';
import type { Complex } from './complex.ts';
import { parseComplex, parseNumber, type Unit } from './quantities.ts';

/** Settings of `module powerflow`. */
export interface Globals {
  readonly lineCapacitance: boolean;
  readonly frequency_Hz: number;
  /** Of a closed switch, a fuse and a regulator, ohm. */
  readonly resistance_ohm: number;
}

const DEFAULT_RESISTANCE_OHM = 1e-4;
/** Settings of the solver's course, which do not change what it arrives at. */
const SOLVER_SETTINGS = /^(NR_|solver_|maximum_voltage_error|enable_subsecond|enable_mesh_fault|version)/;

export class GlmReader {
  readonly file: string;
  readonly globals: Globals;
  readonly objects: ReadonlyMap<string, ObjectReader>;

  /** @throws FieldbidError `FEEDER_NOT_TRANSLATED`. */
  constructor(file: string, glm: string) {
    this.file = file;
    const text = glm.replace(/\/\/[^\n]*/g, '');
    const directive = /^\s*#\s*\w+[^\n]*/m.exec(text)?.[0].trim();
    if (directive !== undefined) throw notTranslated(file, `the line “${directive}”`);
    const found = objectsIn(glm);
    const written = [...text.matchAll(/\bobject\s+[A-Za-z_]\w*[^{;]*\{/g)].length;
    if (written !== found.length) {
      throw notTranslated(file, `${written - found.length} objects that have no name or lie inside others`);
    }
    this.objects = new Map(found.map((object) => [object.name, new ObjectReader(this, object)]));
    if (this.objects.size !== found.length) throw notTranslated(file, 'two objects of one name');
    this.globals = this.#powerflow(text);
  }

  ofKind(...kinds: readonly string[]): ObjectReader[] {
    return kinds.flatMap((kind) => [...this.objects.values()].filter((object) => object.kind === kind));
  }

  #powerflow(text: string): Globals {
    const body = /\bmodule\s+powerflow\s*\{([^}]*)\}/.exec(text)?.[1] ?? '';
    const globals = { lineCapacitance: false, frequency_Hz: 60, resistance_ohm: DEFAULT_RESISTANCE_OHM };
    for (const [, key = '', value = ''] of body.matchAll(/([A-Za-z_]\w*)\s+([^;]*?)\s*;/g)) {
      const number = parseNumber(value, key === 'nominal_frequency' ? 'Hz' : 'Ohm');
      if (key === 'line_capacitance' && /^(true|false)$/i.test(value)) {
        globals.lineCapacitance = value.toLowerCase() === 'true';
      } else if (key === 'nominal_frequency' && number !== undefined) globals.frequency_Hz = number;
      else if (key === 'default_resistance' && number !== undefined) globals.resistance_ohm = number;
      else if (!SOLVER_SETTINGS.test(key))
        throw notTranslated(this.file, `powerflow setting ${key} ${value}`);
    }
    return globals;
  }
}

export class ObjectReader {
  readonly glm: GlmObject;
  readonly #model: GlmReader;

  constructor(model: GlmReader, glm: GlmObject) {
    this.#model = model;
    this.glm = glm;
  }

  get name(): string {
    return this.glm.name;
  }

  get kind(): string {
    return this.glm.kind;
  }

  get phases(): Phase[] {
    return phasesOf(this.glm.properties.get('phases'));
  }

  /** Letter of the GLM's phase set: `N` neutral, `D` delta. */
  hasPhase(letter: string): boolean {
    return this.glm.properties.get('phases')?.includes(letter) ?? false;
  }

  get keys(): string[] {
    return [...this.glm.properties.keys()];
  }

  text(key: string): string | undefined {
    return this.glm.properties.get(key);
  }

  number(key: string, unit: Unit, otherwise?: number): number {
    const text = this.text(key);
    const value = text === undefined ? otherwise : parseNumber(text, unit);
    if (value === undefined) throw this.refuse(`${key} ${text ?? 'is missing'}`);
    return value;
  }

  complex(key: string, unit: Unit, otherwise?: Complex): Complex {
    const text = this.text(key);
    const value = text === undefined ? otherwise : parseComplex(text, unit);
    if (value === undefined) throw this.refuse(`${key} ${text ?? 'is missing'}`);
    return value;
  }

  /** The object that a property names. */
  named(key: string, ...kinds: readonly string[]): ObjectReader {
    const object = this.#model.objects.get(this.text(key) ?? '');
    if (object === undefined || !kinds.includes(object.kind)) {
      throw this.refuse(`${key} ${this.text(key) ?? 'is missing'}`);
    }
    return object;
  }

  /** Refuses a property that is neither read nor without influence on a power flow. */
  allowOnly(known: RegExp): void {
    const strange = this.keys.find((key) => !known.test(key) && !WITHOUT_INFLUENCE.test(key));
    if (strange !== undefined) throw this.refuse(`the property ${strange}`);
  }

  refuse(what: string): FieldbidError {
    const { kind, name } = this;
    return notTranslated(this.#model.file, `${what} of ${kind} ${name}`, { object: name, class: kind });
  }
}

const WITHOUT_INFLUENCE = /^(name|phases|nominal_voltage|bustype|groupid|latitude|longitude|rating\..*)$/;

function notTranslated(file: string, what: string, details: Record<string, unknown> = {}): FieldbidError {
  const message = `${file}: ${what} cannot be translated for OpenDSS`;
  return new FieldbidError('FEEDER_NOT_TRANSLATED', message, { details: { file, ...details } });
}
