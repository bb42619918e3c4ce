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
      serializers: { err: describeError },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Of an error what tells where and why. Not what hangs on it: the row that broke a constraint, the connection with its statements. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  const cause = error.cause === undefined ? undefined : describeError(error.cause);
  return { type: error.name, message: error.message, code, constraint, table, stack: error.stack, cause };
}
