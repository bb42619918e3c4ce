import { type Logger, pino } from 'pino';

/** How the program writes its log: JSON lines on standard error. */
export type Log = Logger;

/** Fields that never reach a log line, wherever a caller put them. */
const SECRET_FIELDS = ['password', 'secret', 'token', 'authorization', 'cookie', 'cardKeys', 'plain', 'vaultKey', 'sessionSecret'];

/** A log at a level (silent, error, warn, info, debug). Standard error, so that standard output stays the program's answer. */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
