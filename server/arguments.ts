import { parseArgs } from 'node:util';
import { boot, type Ground } from './boot.ts';
import { CannotStart } from './platform/cannot-start.ts';

/** What a command may be given: `--name value` for texts, `--name` for switches, and how many words without a name. */
export interface Expected {
  readonly usage: string;
  readonly required: readonly string[];
  readonly optional?: readonly string[];
  readonly switches?: readonly string[];
  readonly words?: number;
}

/** What a command was given. */
export interface Given {
  /** A required text. */
  text(name: string): string;
  /** An optional text, null when it was not given. */
  maybe(name: string): string | null;
  isOn(name: string): boolean;
  readonly words: readonly string[];
}

/** Reads the words of a command line; refuses (CannotStart) with the usage what is missing, too much or not known. */
export function readArguments(words: readonly string[], expected: Expected): Given {
  const { usage, required, optional = [], switches = [], words: count = 0 } = expected;
  const text = [...required, ...optional].map((name) => [name, { type: 'string' }] as const);
  const options = Object.fromEntries([...text, ...switches.map((name) => [name, { type: 'boolean' }] as const)]);
  const { values, positionals } = parsed(words, options, usage);
  const missing = required.filter((name) => !values[name]);
  if (missing.length > 0) throw new CannotStart(`missing: ${missing.map((name) => `--${name}`).join(', ')}\n${usage}`);
  if (positionals.length !== count) throw new CannotStart(usage);
  const maybe = (name: string) => {
    const value = values[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  return { text: (name) => maybe(name) ?? '', maybe, isOn: (name) => values[name] === true, words: positionals };
}

/** Runs a command on the database of this installation, beside a running server too, and closes it whatever comes. */
export async function onGround(command: (ground: Ground) => Promise<void>): Promise<void> {
  const ground = await boot({ joinRunning: true });
  try {
    await command(ground);
  } finally {
    await ground.stop();
  }
}

/** Says who owns what was opened, with her temporary password where she was not known: it is kept nowhere, only its hash. */
export function printOwner(email: string, temporaryPassword: string | null): void {
  console.log(`owner ${email}: ${temporaryPassword === null ? 'signs in as before' : 'temporary password, shown this once:'}`);
  if (temporaryPassword !== null) console.log(temporaryPassword);
}

/** An input that was refused, by the name of its option. */
export function refuse({ field, message }: { readonly field: string; readonly message: string }): never {
  const option = field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new CannotStart(`${option}: ${message} Nothing was written.`);
}

function parsed(words: readonly string[], options: Record<string, { type: 'string' | 'boolean' }>, usage: string) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw new CannotStart(`${(error as Error).message}\n${usage}`, { cause: error });
  }
}
