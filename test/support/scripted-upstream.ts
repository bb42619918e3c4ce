import type {
  Connector,
  ConnectorAbilities,
  ConnectorKind,
  UpstreamOutcome,
  UpstreamPurchase,
  UpstreamReply,
} from '#server/connectors/connector.ts';
import { createManual } from '#server/connectors/manual.ts';

/** What a scripted upstream answers to a purchase or a question; it may take its time. */
export type Script = (purchase: UpstreamPurchase) => UpstreamOutcome | Promise<UpstreamOutcome>;

/** An upstream whose answers a test chooses one by one, where a simulated one could not be stopped at the right instant. */
export interface ScriptedUpstream {
  readonly connector: Connector;
  readonly purchases: UpstreamPurchase[];
  readonly questions: UpstreamPurchase[];
  /** Calls under way at once, at most. */
  mostAtOnce(): number;
  onPurchase: Script;
  onQuestion: Script;
}

/** An upstream that sells until it is told otherwise, and can be asked. */
export function scriptedUpstream(kind: ConnectorKind, abilities: Partial<ConnectorAbilities> = {}): ScriptedUpstream {
  let underWay = 0;
  let most = 0;
  const through = async (script: Script, purchase: UpstreamPurchase): Promise<UpstreamReply> => {
    underWay += 1;
    most = Math.max(most, underWay);
    try {
      const outcome = await script(purchase);
      return {
        outcome,
        wire: [
          { url: 'https://upstream.test/', request: purchase.requestKey, status: 200, answer: JSON.stringify(outcome), durationMs: 1 },
        ],
      };
    } finally {
      underWay -= 1;
    }
  };
  const upstream: ScriptedUpstream = {
    purchases: [],
    questions: [],
    mostAtOnce: () => most,
    onPurchase: sold,
    onQuestion: sold,
    connector: {
      ...createManual(),
      kind,
      abilities: {
        canQuery: true,
        resendIsSafe: false,
        resendBringsGoods: false,
        requestKeyLengthMax: 64,
        callsAtOnceMax: 4,
        notFoundAfterSeconds: 30,
        callsBack: false,
        ...abilities,
      },
      purchase: (_, purchase) => {
        upstream.purchases.push(purchase);
        return through(upstream.onPurchase, purchase);
      },
      query: (_, purchase) => {
        upstream.questions.push(purchase);
        return through(upstream.onQuestion, purchase);
      },
    },
  };
  return upstream;
}

/** It sold: as many keys as were ordered, which no other purchase has, at the cost that was agreed. */
export function sold({ requestKey, quantity, maxCost, goodsKind }: UpstreamPurchase): UpstreamOutcome {
  const cardKeys =
    goodsKind === 'TOP_UP' ? [] : Array.from({ length: quantity }, (_, index) => ({ number: null, secret: `${requestKey}-${index + 1}` }));
  return { kind: 'SUCCEEDED', upstreamRef: `ref-${requestKey}`, cost: maxCost, cardKeys };
}

/** It refuses. */
export function refused(reason: Extract<UpstreamOutcome, { kind: 'REJECTED' }>['reason']): UpstreamOutcome {
  return { kind: 'REJECTED', reason, message: 'no', upstreamRef: null };
}

/** Nobody knows. */
export const timedOut: UpstreamOutcome = { kind: 'UNKNOWN', reason: 'TIMEOUT', message: 'no answer' };
