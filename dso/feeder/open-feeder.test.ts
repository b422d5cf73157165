import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@fieldbid/core/logging';
import test from 'ava';
import { isSolved } from '../power-flow/power-flow.ts';
import { Feeder } from './feeder.ts';
import { loadFeeder } from './load-feeder.ts';
import { openSearchFlow } from './open-feeder.ts';

const FEEDER = loadFeeder(fileURLToPath(new URL('../../feeders/ieee13/feeder.yaml', import.meta.url)));

function recording(): { log: Logger; warnings: string[] } {
  const warnings: string[] = [];
  return { log: { warn: (_: object, text: string) => warnings.push(text) } as unknown as Logger, warnings };
}

test('OpenDSS solves the feeder at noon', async (t) => {
  const { log, warnings } = recording();
  const flow = await openSearchFlow(FEEDER, log, true);
  t.teardown(async () => flow?.close());
  const derPower_W = Object.fromEntries(
    FEEDER.ders.map(({ derId }) => [derId, FEEDER.clearSky_W(derId, 720)]),
  );
  t.true(isSolved((await flow?.solve(FEEDER.caseAt({ minuteOfDay: 720, derPower_W })))!));
  t.deepEqual(warnings, []);
});

test('a feeder beyond the translation has no second engine, and a warning says why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-feeder-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const modelFile = join(folder, 'model.glm');
  const glm = readFileSync(FEEDER.data.modelFile, 'utf8');
  writeFileSync(modelFile, `${glm}\nobject triplex_node {\n\tname house;\n\tphases AS;\n}\n`);
  const { log, warnings } = recording();
  t.is(await openSearchFlow(new Feeder({ ...FEEDER.data, modelFile }), log, true), undefined);
  t.regex(warnings.join(), /without OpenDSS.*class of triplex_node house/);
});
