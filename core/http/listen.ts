/** `listen` of a config: `127.0.0.1:9464`, `[::1]:8800`. Its schema has seen to it that there is a port. */

/** Host without brackets, and port. */
export function listenAddress(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}
