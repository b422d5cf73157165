/** Where the Python environment of the engines keeps the library of OpenDSS. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FieldbidError } from '@fieldbid/core/errors';
import { packageFolders } from '../../python-environment.ts';

/** Folders of the package on Linux, Windows and macOS, where the wheel puts what it brings. */
const FOLDERS = ['dss_python_backend.libs', 'dss_python_backend', 'dss_python_backend/.dylibs'];
/** Not `libdss_capid`, which is the build for debugging. */
const LIBRARY = /^(lib)?dss_capi([-.].*)?\.(so|dll|dylib)$/;

/**
 * @param environment folder of the environment (`ensurePythonEnvironment`).
 * @throws FieldbidError `ENGINE_UNAVAILABLE` where it has no such library.
 */
export function findOpenDss(environment: string): string {
  for (const packages of packageFolders(environment)) {
    for (const folder of FOLDERS.map((name) => join(packages, name)).filter((name) => existsSync(name))) {
      const file = readdirSync(folder).find((name) => LIBRARY.test(name));
      if (file !== undefined) return join(folder, file);
    }
  }
  throw new FieldbidError(
    'ENGINE_UNAVAILABLE',
    `the Python environment ${environment} has no OpenDSS (libdss_capi)`,
  );
}
