/** For tests: a twin behind a real socket on the test's own clock, and the driver that the bench would use. */
import { parse } from '@fieldbid/core/schema';
import { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import type { OpcUaFolder } from '../devices/opcua/opcua-bench.ts';
import { EmulatorControl, type Pace } from './control.ts';
import type { GridEmulator } from './grid-emulator.ts';
import { openEmulator } from './open-emulator.ts';
import { EmulatorSection } from './section.ts';
import type { EmulatorPhysicsOptions } from './twin/emulator-physics.ts';
import { type EmulatorTwin, twinMapping } from './twin/emulator-twin.ts';
import { ModbusTwin } from './twin/modbus-twin.ts';

export const NOMINAL_V = 277.13;
const START_MS = Date.parse('2026-06-21T12:00:00Z');
const LOOPBACK = '127.0.0.1';
/** Real ms: a busy machine must not look like a dead emulator. */
const PATIENT_DEADLINE_MS = 60_000;
const USER = { name: 'operator', password: 'a secret of this test' };

export interface EmulatorBench {
  readonly twin: EmulatorTwin;
  readonly emulator: GridEmulator;
  readonly endpoint: string;
  readonly pace: Pace;
  /** Market time goes on. */
  pass(duration_ms: number): void;
  control(changes?: Record<string, unknown>, channels?: readonly number[], load_VA?: number): EmulatorControl;
  close(): Promise<void>;
}

export type OpenBench = (
  physics?: Partial<EmulatorPhysicsOptions>,
  mappingFile?: string,
) => Promise<EmulatorBench>;

/** @param folder certificates, where it is to speak OPC UA. */
export async function openEmulatorBench(
  folder: OpcUaFolder | undefined,
  physics: Partial<EmulatorPhysicsOptions> = {},
  mappingFile = twinMapping(folder === undefined ? 'modbus' : 'opcua'),
): Promise<EmulatorBench> {
  let now_ms = START_MS;
  const now = (): number => now_ms;
  const options = { nominal_V: NOMINAL_V, now, ...physics };
  const { twin, opcua } =
    folder === undefined ? { twin: new ModbusTwin(options) } : await withAccess(folder, options);
  const { endpoint } = await twin.listen(LOOPBACK, 0);
  const emulator = openEmulator({
    ...{ endpoint, mappingFile, now, deadline_ms: PATIENT_DEADLINE_MS },
    ...(opcua === undefined ? {} : { opcua }),
  });
  const pace: Pace = {
    now,
    wait: async (duration_ms) => {
      now_ms += duration_ms;
    },
  };
  return {
    ...{ twin, emulator, endpoint, pace },
    pass: (duration_ms) => {
      now_ms += duration_ms;
    },
    control: (changes = {}, channels = [0, 1, 2], load_VA = 5000) =>
      new EmulatorControl({
        ...{ emulator, pace, channels, load_VA },
        section: parse(
          EmulatorSection,
          { name: 'em-1', der: 'pv-1', nominal_V: NOMINAL_V, ...changes },
          'test',
        ),
      }),
    close: async () => {
      await emulator.close();
      await twin.close();
    },
  };
}

async function withAccess(folder: OpcUaFolder, options: EmulatorPhysicsOptions) {
  const { OpcUaTwin } = await import('./twin/opcua-twin.ts');
  const twin = new OpcUaTwin({ ...options, pkiFolder: folder.serverPki, user: USER });
  folder.trust(twin.certificateFile);
  const user = { name: USER.name, passwordFile: folder.write('password', `${USER.password}\n`) };
  return { twin, opcua: parse(OpcUaAccess, { pkiFolder: folder.pki, user }, 'test') };
}
