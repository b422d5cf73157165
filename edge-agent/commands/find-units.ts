/** `fieldbid edge scan --units`: which devices answer behind one address. Nothing is written. */
import { parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { findUnits, type UnitFinding } from '../drivers/sunspec/find-units.ts';
import { profileFor, type TargetOptions, table } from './target.ts';

export async function listUnits(
  text: string,
  units: readonly number[],
  options: TargetOptions,
): Promise<void> {
  const onUnit = (unit: number, index: number): void => {
    if (process.stderr.isTTY) {
      process.stderr.write(`\runit ${unit} (${index + 1} of ${units.length}) …\x1b[K`);
    }
  };
  const findings = await findUnits(parseEndpoint(text), units, profileFor(options).modbus, onUnit);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (options.json === true) console.log(JSON.stringify(findings, null, 2));
  else console.log(findingsText(findings));
  if (!findings.some(({ answers }) => answers)) process.exitCode = 1;
}

function findingsText(findings: readonly UnitFinding[]): string {
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
