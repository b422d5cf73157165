/** `fieldbid schema NAME`: the JSON Schema of a config file, for editors that complete and check YAML. */
import { AggregatorConfig } from '@fieldbid/aggregator/config';
import { GatewayServiceConfig } from '@fieldbid/bc-gateway/config';
import { Argument, type Command } from '@fieldbid/core/cli/command';
import { DashboardConfig } from '@fieldbid/dashboard/config';
import { DsoConfig } from '@fieldbid/dso/config';
import { FeederFile } from '@fieldbid/dso/feeder/load-feeder';
import { EdgeConfig } from '@fieldbid/edge-agent/config';
import { OpcUaMapping } from '@fieldbid/edge-agent/drivers/opcua/mapping';
import { DeviceProfile } from '@fieldbid/edge-agent/profiles/profile';
import { IsoConfig } from '@fieldbid/iso-sim/config';
import type { TSchema } from 'typebox';
import { BenchConfig } from '../bench/config.ts';
import { EmulatorMapping } from '../emulator/mapping.ts';
import { Scenario } from '../scenario/schema.ts';

const SCHEMAS: Readonly<Record<string, TSchema>> = {
  scenario: Scenario,
  feeder: FeederFile,
  profile: DeviceProfile,
  mapping: OpcUaMapping,
  'emulator-mapping': EmulatorMapping,
  edge: EdgeConfig,
  aggregator: AggregatorConfig,
  gateway: GatewayServiceConfig,
  dso: DsoConfig,
  iso: IsoConfig,
  bench: BenchConfig,
  dashboard: DashboardConfig,
};

/** File → JSON Schema (draft 2020-12) as an editor needs it. */
export const CONFIG_SCHEMAS: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [name, asWritten(schema)]),
);

/** What has a default may be left out of the file: the checked value has it, the written one need not. */
function asWritten(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asWritten);
  if (typeof schema !== 'object' || schema === null) return schema;
  const out = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, asWritten(value)]));
  const { properties, required } = out as { properties?: Record<string, object>; required?: string[] };
  if (properties === undefined || required === undefined) return out;
  return { ...out, required: required.filter((name) => !('default' in (properties[name] ?? {}))) };
}

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .description('Print the JSON Schema of a config file, for editors.')
    .addArgument(new Argument('<name>', 'which file').choices(Object.keys(CONFIG_SCHEMAS)))
    .addHelpText(
      'after',
      `
Example:
  $ npx fieldbid schema scenario > scenario.schema.json
  and as the first line of the scenario:  # yaml-language-server: $schema=scenario.schema.json`,
    )
    .action((name: string) => {
      const head = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: `fieldbid ${name}` };
      console.log(JSON.stringify({ ...head, ...(CONFIG_SCHEMAS[name] as object) }, null, 2));
    });
}
