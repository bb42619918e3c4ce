import { parseArgs } from 'node:util';
import { acgFakaProtocol } from './acg-faka.ts';
import { dujiaoNextProtocol } from './dujiao-next.ts';
import { FAULTS, type Fault, type FaultShares, faultOf } from './faults.ts';
import { fenzhanProtocol } from './fenzhan.ts';
import { DEFAULT_GOODS } from './goods.ts';
import { kasushouProtocol } from './kasushou.ts';
import { centsText } from './shop.ts';
import { type SimulatedProtocol, startSimulator } from './simulator.ts';

// npm run simulator -- acg-faka --fault timeout-after-success --port 4801: an upstream to try a connector with. It sells nothing real.

/** An upstream as it is started, and what an account at it has to be told. */
interface Kind {
  readonly protocol: SimulatedProtocol;
  readonly connector: string;
  readonly settings: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'acg-faka': {
    protocol: acgFakaProtocol({ appId: '1000', appKey: '9F3C1A7B5D2E4F60' }),
    connector: 'ACG_FAKA',
    settings: { app_id: '1000', app_key: '9F3C1A7B5D2E4F60' },
  },
  kasushou: {
    protocol: kasushouProtocol({ userId: '10000', apiKey: 'simulated-api-key' }),
    connector: 'KASUSHOU_V2',
    settings: { user_id: '10000', api_key: 'simulated-api-key' },
  },
  'dujiao-next': {
    protocol: dujiaoNextProtocol({ apiKey: 'simulated-key', apiSecret: 'simulated-secret' }),
    connector: 'DUJIAO_NEXT',
    settings: { api_key: 'simulated-key', api_secret: 'simulated-secret' },
  },
  fenzhan: {
    protocol: fenzhanProtocol({ apiKey: 'fz_simulated' }),
    connector: 'FENZHAN',
    settings: { api_key: 'fz_simulated' },
  },
};
const CALLBACK_RETRIES = [5, 10, 15, 20, 25].map((minutes) => minutes * 60_000);
const BALANCE_CENTS = 100_000_000;
const DEAD_SECONDS = 30;

const USAGE = `npm run simulator -- <${Object.keys(KINDS).join(' | ')}> [options]

  --fault NAME[=SHARE]   what goes wrong, and for how many of the calls (0 to 1; all of them without); may be given again
  --port N               where it listens on 127.0.0.1 (4801)
  --deliver MS           between an order and its delivery, where the protocol is asynchronous (0)
  --slow MS              how long "slow" takes (3000)
  --seed N               of the chance with which faults befall calls (1)

Faults
${Object.entries(FAULTS)
  .map(([name, meaning]) => `  ${name.padEnd(23)}${meaning}`)
  .join('\n')}

While it runs: GET /__books (its own books; ?purchases lists them), POST /__faults {"nonsense": 0.1} (other faults from now on; "dead" lasts ${DEAD_SECONDS} s).`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fault: { type: 'string', multiple: true, default: [] },
    port: { type: 'string', default: '4801' },
    deliver: { type: 'string', default: '0' },
    slow: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

const kind = KINDS[positionals[0] ?? ''];
const faults = sharesOf(values.fault);
const numbers = [values.port, values.deliver, values.slow, values.seed].map(Number);
if (values.help || !kind || positionals.length > 1 || faults === null || numbers.some((each) => !Number.isInteger(each) || each < 0)) {
  (values.help ? process.stdout : process.stderr).write(`${USAGE}\n`);
  process.exit(values.help ? 0 : 2);
}

const [port = 0, deliverMilliseconds = 0, slowMilliseconds = 0, seed = 1] = numbers;
const { dead, ...others } = faults;
const simulator = await startSimulator(kind.protocol, {
  port,
  goods: DEFAULT_GOODS,
  openingCents: BALANCE_CENTS,
  // two of them never tell the same key
  mark: port.toString(36).toUpperCase().padStart(4, 'S'),
  faults: others,
  seed,
  slowMilliseconds,
  deliverMilliseconds,
  callbackRetryMilliseconds: CALLBACK_RETRIES,
});
print();
if (dead) {
  await simulator.setFaults(faults);
  process.stdout.write(`It refuses connections for ${DEAD_SECONDS} s.\n`);
  setTimeout(() => void simulator.setFaults(others), DEAD_SECONDS * 1000);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close().then(() => process.exit(0)));

function print(): void {
  const lines = [
    `${positionals[0]} is simulated at ${simulator.url} (balance ${centsText(BALANCE_CENTS)})`,
    '',
    `Account: connector ${kind?.connector}, address ${simulator.url}, ${Object.entries(kind?.settings ?? {})
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    `The server calls it when OUTGOING_ALLOWED_HOSTS names 127.0.0.1:${port}.`,
    '',
    'Goods:',
    ...DEFAULT_GOODS.map(({ id, name, priceCents, stockCount, isPaused, goodsKind }) => {
      const state = isPaused ? 'paused' : stockCount === 0 ? 'sold out' : goodsKind === 'TOP_UP' ? 'top-up' : 'card keys';
      return `  ${id}  ${centsText(priceCents).padStart(7)}  ${state.padEnd(9)}  ${name}`;
    }),
    '',
    `Faults: ${
      Object.entries(faults ?? {})
        .map(([name, share]) => `${name} ${share}`)
        .join(', ') || 'none'
    }. Books at ${simulator.url}/__books, other faults by POST ${simulator.url}/__faults.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What was typed as `name` or `name=share`; null when one of them is none. */
function sharesOf(typed: readonly string[]): FaultShares | null {
  const shares: Partial<Record<Fault, number>> = {};
  for (const text of typed) {
    const [name = '', share = '1'] = text.split('=');
    const fault = faultOf(name);
    if (fault === null || !(Number(share) > 0 && Number(share) <= 1)) return null;
    shares[fault] = Number(share);
  }
  return shares;
}
