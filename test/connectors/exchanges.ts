import { readFileSync } from 'node:fs';
import type { Connector, ConnectorGround, UpstreamAccount, UpstreamOutcome, UpstreamPurchase } from '#server/connectors/connector.ts';
import { playBack, type RecordedAnswer } from './playback.ts';

/** What was sent and answered, and what it has to be taken for. */
interface Recorded {
  readonly name: string;
  readonly calls: readonly RecordedAnswer[];
  /** What must have been sent, byte by byte; not looked at where it is left out. */
  readonly bodies?: readonly string[];
}

/** Exchanges about a purchase: what differs from the usual one, and the outcome. */
export type PurchaseExchange = Recorded &
  Partial<UpstreamPurchase> & { readonly isRepeat?: boolean; readonly callbackUrl?: string; readonly outcome: UpstreamOutcome };

/** Exchanges about the account or the goods: the value, or why there is none. */
export type OtherExchange = Recorded & {
  readonly call: 'checkAccount' | 'listGoods' | 'quote';
  readonly value?: unknown;
  readonly failure?: string;
};

/** Recorded vectors of one protocol. */
export interface Vectors<Signature> {
  readonly signatures: readonly Signature[];
  readonly purchases: readonly PurchaseExchange[];
  readonly queries: readonly PurchaseExchange[];
  readonly others: readonly OtherExchange[];
}

/** Reads the vectors of a protocol: `vectors/<name>.json`. */
export function readVectors<Signature>(name: string): Vectors<Signature> {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as Vectors<Signature>;
}

/** Plays exchanges to a connector; answers what it made of them beside what it should have, to be compared. */
export interface Player {
  purchase(call: 'purchase' | 'query', exchange: PurchaseExchange): Promise<Comparison>;
  other(exchange: OtherExchange): Promise<Comparison>;
}

/** Two things that should be equal. */
export type Comparison = { readonly got: unknown; readonly wanted: unknown };

/** A player for one protocol with its usual account and purchase. Whoever asks, and whoever repeats, has sent a minute ago. */
export function createPlayer(
  make: (ground: ConnectorGround) => Connector,
  { account, purchase, now }: { readonly account: UpstreamAccount; readonly purchase: UpstreamPurchase; readonly now: Date },
): Player {
  const played = (exchange: Recorded) => {
    const { outgoing, sent } = playBack(exchange.calls);
    const connector = make({ outgoing, clock: () => now });
    const bodies = () => (exchange.bodies ? sent.map(({ body }) => body) : undefined);
    return { connector, sentCount: () => sent.length, bodies };
  };
  return {
    purchase: async (call, { name, calls, bodies, outcome, isRepeat, callbackUrl = null, ...fields }) => {
      const exchange = played({ name, calls, ...(bodies ? { bodies } : {}) });
      const sentAt = isRepeat || call === 'query' ? new Date(now.getTime() - 60_000) : null;
      const reply = await exchange.connector[call]({ ...account, callbackUrl }, { ...purchase, ...fields, sentAt });
      return {
        got: { outcome: reply.outcome, bodies: exchange.bodies(), sent: exchange.sentCount(), kept: reply.wire.length },
        wanted: { outcome, bodies, sent: calls.length, kept: calls.length },
      };
    },
    other: async (recorded) => {
      const exchange = played(recorded);
      const { connector } = exchange;
      const { call, value, failure, bodies, calls } = recorded;
      const result = await (call === 'quote' ? connector.quote(account, purchase.goods, 3) : connector[call](account));
      const told = result.kind === 'ANSWERED' ? { value: result.value, failure: undefined } : { value: undefined, failure: result.reason };
      return {
        got: { ...told, bodies: exchange.bodies(), sent: exchange.sentCount() },
        wanted: { value, failure, bodies, sent: calls.length },
      };
    },
  };
}
