/**
 * GridLAB-D model files (GLM), as far as the engine needs them as text: which objects there are, who is whose
 * parent, and the objects to append for the DERs. GridLAB-D itself parses the model.
 */
import type { DerConnection, Phase } from '../power-flow.ts';

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
    for (const [, key, value] of (match[2] ?? '').matchAll(/([A-Za-z_]\w*)\s+("[^"]*"|[^;]*?)\s*;/g)) {
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

/** The property that a DER's injection on a phase is written to. */
export function derProperty(phase: Phase): string {
  return `constant_power_${phase}`;
}

/**
 * A DER is a load of negative constant power, child of its bus: GridLAB-D adds a child's power to its
 * parent's, wye-connected. A parent with a neutral passes it on; one without has none to pass.
 */
export function derObjects(ders: readonly DerConnection[], parents: ReadonlyMap<string, GlmObject>): string {
  return ders
    .map(({ derId, bus, phases }) => {
      const parent = parents.get(bus)?.properties;
      const neutral = parent?.get('phases')?.includes('N') === true ? 'N' : '';
      const lines = [
        `name ${derObject(derId)};`,
        `parent ${bus};`,
        `phases "${phases.join('')}${neutral}";`,
        `nominal_voltage ${parent?.get('nominal_voltage') ?? ''};`,
        ...phases.map((phase) => `${derProperty(phase)} 0+0j;`),
      ];
      return `object load {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`;
    })
    .join('\n');
}
