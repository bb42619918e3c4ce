import { parseArgs } from 'node:util';

/** What a storm can be told: numbers with what they usually are, the least that they may be, and what they mean; and switches. */
export type Wanted<Name extends string, Switch extends string> = {
  readonly command: string;
  readonly numbers: Readonly<Record<Name, { readonly usual: number; readonly least: number; readonly help: string }>>;
  readonly switches?: Readonly<Record<Switch, string>>;
};

/** Reads the command line; `--help`, and what cannot be understood, end the process with what it can be told (exit code 0, and 2). */
export function readArguments<Name extends string, Switch extends string = never>({
  command,
  numbers,
  switches,
}: Wanted<Name, Switch>): Readonly<Record<Name, number> & Record<Switch, boolean>> {
  const numberNames = Object.keys(numbers) as Name[];
  const switchNames = Object.keys(switches ?? {}) as Switch[];
  const lines = [
    ...numberNames.map((name) => [`--${name} ${numbers[name].usual}`, numbers[name].help]),
    ...switchNames.map((name) => [`--${name}`, switches?.[name] ?? '']),
  ];
  const help = [`npm run ${command} [-- options]`, ...lines.map(([option = '', text = '']) => `  ${option.padEnd(20)} ${text}`)].join('\n');
  const end = (code: number, problem = ''): never => {
    process.stdout.write(`${problem}${help}\n`);
    process.exit(code);
  };
  const read = () => {
    try {
      return parseArgs({
        options: {
          help: { type: 'boolean' },
          ...Object.fromEntries(numberNames.map((name) => [name, { type: 'string' as const }])),
          ...Object.fromEntries(switchNames.map((name) => [name, { type: 'boolean' as const }])),
        },
      }).values as Readonly<Record<string, string | boolean | undefined>>;
    } catch (error) {
      return end(2, `${(error as Error).message}\n\n`);
    }
  };
  const values = read();
  if (values['help']) return end(0);
  const numberOf = (name: Name): number => {
    const { usual, least } = numbers[name];
    const value = Number(values[name] ?? usual);
    return Number.isInteger(value) && value >= least ? value : end(2, `--${name} is a whole number from ${least} on.\n\n`);
  };
  return {
    ...Object.fromEntries(numberNames.map((name) => [name, numberOf(name)])),
    ...Object.fromEntries(switchNames.map((name) => [name, values[name] === true])),
  } as Record<Name, number> & Record<Switch, boolean>;
}
