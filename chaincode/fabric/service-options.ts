/**
 * How the contract's service is to listen, from the environment. Only with TLS on both sides: who reaches it
 * is taken for the peer, and the peer says who signed a transaction.
 */
import { readFileSync } from 'node:fs';
import { InputError, messageOf } from '@fieldbid/core/errors';

export interface ServiceOptions {
  /** Package id that the peer computed at installation: `label:sha256`. */
  readonly ccid: string;
  /** `host:port`. */
  readonly address: string;
  /** PEM. The peer must show a certificate that `clientCACerts` has signed. */
  readonly tlsProps: { readonly key: Buffer; readonly cert: Buffer; readonly clientCACerts: Buffer };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws InputError naming the variable. */
export function serviceOptions(env: Environment): ServiceOptions {
  return {
    ccid: required(env, 'CHAINCODE_ID', 'the package id, label:sha256'),
    address: address(env),
    tlsProps: {
      key: pem(env, 'CHAINCODE_TLS_KEY'),
      cert: pem(env, 'CHAINCODE_TLS_CERT'),
      clientCACerts: pem(env, 'CHAINCODE_CLIENT_CA_CERT'),
    },
  };
}

function address(env: Environment): string {
  const text = required(env, 'CHAINCODE_SERVER_ADDRESS', 'host:port');
  const [, port] = /^.+:(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) <= 65_535) return text;
  throw fault('CHAINCODE_SERVER_ADDRESS', text, 'host:port');
}

function pem(env: Environment, name: string): Buffer {
  const path = required(env, name, 'the path of a PEM file');
  try {
    return readFileSync(path);
  } catch (error) {
    throw fault(name, messageOf(error), 'the path of a PEM file');
  }
}

function required(env: Environment, name: string, expected: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw fault(name, 'nothing', expected);
  return value;
}

function fault(name: string, found: string, expected: string): InputError {
  return new InputError({ source: `environment variable ${name}`, path: '', found, expected });
}
