/**
 * Structured logs (pino): one JSON object a line, one namespace per room, the correlation id (a bid's UID)
 * as `correlationId`. Core itself never logs; rooms get their logger handed in.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Fields that never reach a log, at any depth that our objects have. */
const SECRET_FIELDS = [
  'apiKey',
  'password',
  'salt',
  'privateKey',
  'authorization',
  '*.apiKey',
  '*.password',
  '*.salt',
];

export interface LogOptions {
  /** `trace` … `fatal` or `silent`; `info` by default. */
  level?: string;
  /** File to append to; standard error by default (standard output belongs to the command's answer). */
  file?: string;
}

export function createLogger(options: LogOptions = {}): Logger {
  const stream: DestinationStream =
    options.file === undefined
      ? destination({ dest: 2, sync: true })
      : destination({ dest: options.file, mkdir: true, sync: false, minLength: 4096 });
  return pino(
    {
      level: options.level ?? 'info',
      redact: { paths: SECRET_FIELDS, censor: '[redacted]' },
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    stream,
  );
}

/** A logger that writes nothing, for tests and quiet commands. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
