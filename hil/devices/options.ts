/** Options of the simulated devices' commands: each says what it expects. */
import { InvalidArgumentError } from '@fieldbid/core/cli/command';

export function hostAndPort(text: string): { host: string; port: number } {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535) {
    throw new InvalidArgumentError('expected HOST:PORT, such as 127.0.0.1:15020');
  }
  return { host: match[1], port };
}

export function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= least && value <= most)) {
      throw new InvalidArgumentError(`expected a number from ${least} to ${most}`);
    }
    return value;
  };
}

export function phases(text: string): string {
  if (!/^(A|B|C|ABC)$/.test(text)) throw new InvalidArgumentError('expected A, B, C or ABC');
  return text;
}

export function serial(text: string): string {
  if (!/^[\x20-\x7e]{1,32}$/.test(text)) throw new InvalidArgumentError('expected 1 to 32 plain characters');
  return text;
}
