/** Which devices answer behind one address: each unit is asked once for its SunSpec models. Nothing is written. */
import { messageOf } from '@fieldbid/core/errors';
import type { Endpoint } from '../modbus/endpoint.ts';
import { type LinkTiming, ModbusLinks } from '../modbus/register-link.ts';
import { plainText } from './bind.ts';
import { type ScanOutcome, scan } from './scan.ts';

export interface UnitFinding {
  readonly unit: number;
  /** Whether anybody answers, SunSpec or not. */
  readonly answers: boolean;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  /** Ids of its SunSpec models; empty: it has none. */
  readonly models: readonly number[];
  /** Why there are no models, or why their chain ends early. */
  readonly fault: string | null;
}

const NOBODY = { answers: false, manufacturer: null, model: null, serial: null, models: [], fault: null };

/**
 * @param timing deadlines of one answer; a silent unit costs two of them.
 * @param onUnit told before each unit is asked.
 */
export async function findUnits(
  endpoint: Endpoint,
  units: readonly number[],
  timing: LinkTiming,
  onUnit: (unit: number, index: number) => void = () => {},
): Promise<UnitFinding[]> {
  const { maxRead } = timing;
  const most = maxRead === undefined ? {} : { maxRead };
  const findings: UnitFinding[] = [];
  for (const [i, unit] of units.entries()) {
    onUnit(unit, i);
    const link = new ModbusLinks().open({ ...endpoint, unit }, timing);
    try {
      // One base is enough to know whether somebody answers; all are tried where somebody does.
      const first = await scan(link, { ...most, bases: [40_000] });
      const silent = 'found' in first && /did not answer|target did not respond/.test(first.fault);
      findings.push(finding(unit, 'found' in first && !silent ? await scan(link, most) : first, silent));
    } catch (error) {
      findings.push({ ...NOBODY, unit, fault: messageOf(error) });
    } finally {
      await link.close();
    }
  }
  return findings;
}

function finding(unit: number, found: ScanOutcome, silent: boolean): UnitFinding {
  if ('found' in found) return { ...NOBODY, unit, answers: !silent, fault: found.fault };
  const [common] = found.commons;
  const text = (name: string): string | null => {
    const value = common?.points.get(name)?.value;
    return typeof value === 'string' ? plainText(value) : null;
  };
  return {
    unit,
    answers: true,
    ...{ manufacturer: text('Mn'), model: text('Md'), serial: text('SN') },
    models: found.models.map(({ id }) => id),
    fault: found.fault ?? null,
  };
}
