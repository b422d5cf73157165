/** Values of command-line flags that the simulators share. */
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
