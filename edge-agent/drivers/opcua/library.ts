/**
 * The OPC UA library (node-opcua-client), loaded when a device of this kind is first spoken to: it costs more than
 * half a second and some 70 MB, which an agent beside Modbus devices need not pay.
 */
export type Library = typeof import('node-opcua-client');
export type PkiLibrary = typeof import('node-opcua-certificate-manager');

let loaded: Promise<{ opcua: Library; pki: PkiLibrary }> | undefined;

export function loadLibrary(): Promise<{ opcua: Library; pki: PkiLibrary }> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<{ opcua: Library; pki: PkiLibrary }> {
  // It writes to the console of its own accord, while it loads as well, so this comes first. What matters reaches
  // us as errors and status codes.
  const { setDebugLogger, setErrorLogger, setWarningLogger } = await import('node-opcua-debug');
  for (const set of [setDebugLogger, setErrorLogger, setWarningLogger]) set(() => {});
  const [opcua, pki] = await Promise.all([
    import('node-opcua-client'),
    import('node-opcua-certificate-manager'),
  ]);
  return { opcua, pki };
}
