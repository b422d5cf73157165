/** Where the Python environment of the engines keeps what the HELICS wheel brings: the library and the broker. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FieldbidError } from '@fieldbid/core/errors';
import { ensurePythonEnvironment, packageFolders } from '@fieldbid/dso/python-environment';

export interface HelicsInstallation {
  /** libhelics, for koffi. */
  readonly library: string;
  /** The program helics_broker. */
  readonly broker: string;
  /** An interpreter that can `import helics`. */
  readonly python: string;
}

/** Names of the library and of the broker on Linux, macOS and Windows, inside the wheel's `install` folder. */
const LIBRARIES = ['lib64/libhelics.so', 'lib/libhelics.so', 'lib/libhelics.dylib', 'bin/helics.dll'];
const BROKERS = ['bin/helics_broker', 'bin/helics_broker.exe'];

/**
 * HELICS of the project's own Python environment, which is made first where it is missing.
 * @throws FieldbidError `HELICS_MISSING` where the environment has none; as `ensurePythonEnvironment`.
 */
export async function findHelics(options: { quiet?: boolean } = {}): Promise<HelicsInstallation> {
  const { python, folder } = await ensurePythonEnvironment('engine', options);
  for (const packages of packageFolders(folder)) {
    const inside = (names: readonly string[]): string | undefined =>
      names.map((name) => join(packages, 'helics', 'install', name)).find((file) => existsSync(file));
    const [library, broker] = [inside(LIBRARIES), inside(BROKERS)];
    if (library !== undefined && broker !== undefined) return { library, broker, python };
  }
  throw new FieldbidError(
    'HELICS_MISSING',
    `the Python environment ${folder} has no HELICS: there is no package of it for this machine ` +
      '(Linux on x86-64, macOS and Windows have one); run without --clock helics here',
  );
}
