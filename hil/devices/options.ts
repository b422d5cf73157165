/** Options of the simulated devices' commands: each says what it expects. */
import { type Command, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { isLoopback } from '@fieldbid/core/loopback';
import { clearDayIrradiance, pvPower_W } from './pv-model.ts';

/** What every simulated PV inverter can be told on the command line. */
export interface PvOptions {
  rating: number;
  phases: string;
  voltage: number;
  serial: string;
  irradiance: number;
  day?: boolean;
}

export function pvOptions(command: Command): Command {
  return command
    .option('--rating <watts>', 'nameplate, W', number(1, 10_000_000), 5000)
    .option('--phases <phases>', 'A, B, C (single-phase) or ABC (three-phase)', phases, 'A')
    .option('--voltage <volts>', 'nominal voltage, line to neutral', number(1, 1000), 240)
    .option('--serial <text>', 'serial number, at most 32 characters', serial, 'SIM-0001')
    .option('--irradiance <w/m2>', 'sunlight in the panels, W/m²', number(0, 2000), 800)
    .option('--day', 'let the sun rise at 06:00 and set at 18:00 UTC, with --irradiance at noon');
}

/** The options as a simulated inverter takes them, on the real clock. */
export function pvInverter(options: PvOptions) {
  const rating_W = options.rating;
  return {
    serial: options.serial,
    phases: options.phases,
    rating_W,
    nominal_V: options.voltage,
    now: Date.now,
    available_W: (t_ms: number): number => {
      const sun = options.day === true ? clearDayIrradiance(t_ms, options.irradiance) : options.irradiance;
      return pvPower_W({ rating_W }, sun);
    },
  };
}

/** Ends the command where others could reach a simulator and nobody said that they may. */
export function mustBeLocal(host: string, allowRemote: boolean | undefined, command: Command): void {
  if (isLoopback(host) || allowRemote === true) return;
  command.error(`fieldbid: ${host} can be reached from other machines; add --allow-remote if that is meant`);
}

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

function phases(text: string): string {
  if (!/^(A|B|C|ABC)$/.test(text)) throw new InvalidArgumentError('expected A, B, C or ABC');
  return text;
}

function serial(text: string): string {
  if (!/^[\x20-\x7e]{1,32}$/.test(text)) throw new InvalidArgumentError('expected 1 to 32 plain characters');
  return text;
}
