/** `fieldbid edge scan --units`: which devices answer behind one address. Asks each unit once, nothing is written. */
import { messageOf } from '@fieldbid/core/errors';
import { parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { ModbusLinks } from '../drivers/modbus/register-link.ts';
import { plainText } from '../drivers/sunspec/bind.ts';
import { scan } from '../drivers/sunspec/scan.ts';
import { profileFor, type TargetOptions, table } from './target.ts';

interface Finding {
  readonly unit: number;
  readonly answers: boolean;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly models: readonly number[];
  readonly fault: string | null;
}

export async function findUnits(
  text: string,
  units: readonly number[],
  options: TargetOptions,
): Promise<void> {
  const endpoint = parseEndpoint(text);
  const profile = profileFor(options);
  const { maxRead } = profile.modbus;
  const findings: Finding[] = [];
  for (const [i, unit] of units.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\runit ${unit} (${i + 1} of ${units.length}) …\x1b[K`);
    const link = new ModbusLinks().open({ ...endpoint, unit }, profile.modbus);
    try {
      // One base is enough to know whether somebody answers; all are tried where somebody does.
      const first = await scan(link, { maxRead, bases: [40_000] });
      const silent = 'found' in first && /did not answer|target did not respond/.test(first.fault);
      findings.push(
        finding(unit, 'found' in first && !silent ? await scan(link, { maxRead }) : first, silent),
      );
    } catch (error) {
      findings.push({ ...NOBODY, unit, fault: messageOf(error) });
    } finally {
      await link.close();
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (options.json === true) console.log(JSON.stringify(findings, null, 2));
  else console.log(findingsText(findings));
  if (!findings.some(({ answers }) => answers)) process.exitCode = 1;
}

const NOBODY = { answers: false, manufacturer: null, model: null, serial: null, models: [], fault: null };

function finding(unit: number, found: Awaited<ReturnType<typeof scan>>, silent: boolean): Finding {
  if ('found' in found) return { ...NOBODY, unit, answers: !silent, fault: found.fault };
  const text = (name: string): string | null => {
    const value = found.commons[0]?.points.get(name)?.value;
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

function findingsText(findings: readonly Finding[]): string {
  const silent = findings.filter(({ answers }) => !answers).map(({ unit }) => unit);
  const rows = findings
    .filter(({ answers }) => answers)
    .map(({ unit, manufacturer, model, serial, models, fault }): [string, string] => {
      if (models.length === 0) return [`unit ${unit}`, `answers, but is no SunSpec device (${fault})`];
      const name = [manufacturer, model, serial].filter(Boolean).join(' ');
      return [`unit ${unit}`, `${name}: models ${models.join(', ')}${fault === null ? '' : ` (${fault})`}`];
    });
  if (silent.length > 0)
    rows.push(['no answer', `unit${silent.length === 1 ? '' : 's'} ${silent.join(', ')}`]);
  return table(rows);
}
