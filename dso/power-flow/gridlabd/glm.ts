/**
 * GridLAB-D model files (GLM), as far as the engine needs them as text: which objects there are, who is whose
 * parent, and the objects to append for the DERs. GridLAB-D itself parses the model.
 */
import type { DerConnection, Phase, VoltageKind } from '../power-flow.ts';
import { linePairs, type VoltageName } from '../voltages.ts';

export interface GlmObject {
  readonly kind: string;
  readonly name: string;
  readonly properties: ReadonlyMap<string, string>;
}

/** Top-level objects that have a name. Comments are dropped; nested objects are not looked into. */
export function objectsIn(glm: string): GlmObject[] {
  const text = glm.replace(/\/\/[^\n]*/g, '');
  const out: GlmObject[] = [];
  for (const match of text.matchAll(/\bobject\s+([A-Za-z_]\w*)(?::[^\s{]*)?\s*\{([^{}]*)\}/g)) {
    const properties = new Map<string, string>();
    for (const [, key, value] of (match[2] ?? '').matchAll(/([A-Za-z_][\w.]*)\s+("[^"]*"|[^;]*?)\s*;/g)) {
      properties.set(key ?? '', (value ?? '').replace(/^"|"$/g, ''));
    }
    const name = properties.get('name');
    if (name !== undefined) out.push({ kind: match[1] ?? '', name, properties });
  }
  return out;
}

/** The phases A, B, C in a GLM phase set such as `ABCN` or `"BCD"`. */
export function phasesOf(text: string | undefined): Phase[] {
  return (['A', 'B', 'C'] as const).filter((phase) => text?.includes(phase) ?? false);
}

/** Name of the object that stands for a DER in the model. */
export function derObject(derId: string): string {
  return `der_${derId.replace(/[^A-Za-z0-9]/g, '_')}`;
}

/**
 * Where a DER injects: on its phases, or on a three-wire feeder between its lines, of which it needs two. Its power
 * is shared equally over these.
 */
export function derTerminals(phases: readonly Phase[], kind: VoltageKind | undefined): VoltageName[] {
  return kind === 'line-to-line' ? linePairs(phases) : [...phases];
}

/**
 * The property that a DER's injection is written to. In GridLAB-D the properties of a delta load have the name of
 * their first line: `constant_power_C` is between C and A.
 */
export function derProperty(terminal: VoltageName): string {
  return `constant_power_${terminal[0]}`;
}

/**
 * A DER is a load of negative constant power, child of its bus: GridLAB-D adds a child's power to its
 * parent's. Wye-connected, a parent with a neutral passes it on, and one without has none to pass; between
 * lines it is delta-connected (`D`), whatever its parent is.
 */
export function derObjects(
  ders: readonly DerConnection[],
  parents: ReadonlyMap<string, GlmObject>,
  kind?: VoltageKind,
): string {
  return ders
    .map(({ derId, bus, phases }) => {
      const parent = parents.get(bus)?.properties;
      const neutral = parent?.get('phases')?.includes('N') === true ? 'N' : '';
      const connection = kind === 'line-to-line' ? 'D' : neutral;
      const lines = [
        `name ${derObject(derId)};`,
        `parent ${bus};`,
        `phases "${phases.join('')}${connection}";`,
        `nominal_voltage ${parent?.get('nominal_voltage') ?? ''};`,
        ...derTerminals(phases, kind).map((terminal) => `${derProperty(terminal)} 0+0j;`),
      ];
      return `object load {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`;
    })
    .join('\n');
}
