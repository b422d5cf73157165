/**
 * The contract's package: what a peer installs. It holds no code, but where its service is reached (chaincode as a
 * service). The same bytes for the same label, so that every organisation comes to the same package id.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export interface ContractPackage {
  readonly bytes: Uint8Array;
  /** As every peer computes it: `label:sha256`. */
  readonly packageId: string;
}

/** Filled in by the builder at each peer, from its own CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG. */
const CONNECTION = {
  dial_timeout: '10s',
  tls_required: true,
  client_auth_required: true,
  root_cert: '{{.root_cert}}',
  client_key: '{{.client_key}}',
  client_cert: '{{.client_cert}}',
};

/**
 * @param address name of the value, in the builder's settings, that says where the service is: a peer has another one
 *   for the next version while the present one still runs.
 */
export function contractPackage(label: string, address = 'address'): ContractPackage {
  const connection = { address: `{{.${address}}}`, ...CONNECTION };
  const code = tarGz({ 'connection.json': JSON.stringify(connection) });
  const bytes = tarGz({ 'metadata.json': JSON.stringify({ type: 'ccaas', label }), 'code.tar.gz': code });
  return { bytes, packageId: `${label}:${createHash('sha256').update(bytes).digest('hex')}` };
}

const BLOCK_BYTES = 512;

/** POSIX ustar (IEEE 1003.1, pax), one level of files, no times and no owners, compressed. */
function tarGz(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const parts: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const data = Buffer.from(content);
    const padding = Buffer.alloc((BLOCK_BYTES - (data.length % BLOCK_BYTES)) % BLOCK_BYTES);
    parts.push(header(name, data.length), data, padding);
  }
  parts.push(Buffer.alloc(2 * BLOCK_BYTES));
  return gzipSync(Buffer.concat(parts), { level: 9 });
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\0', 257);
  block.write('00', 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
