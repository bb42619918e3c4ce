import type { Connector, UpstreamPurchase, UpstreamReply } from './connector.ts';

/** A supplier without a wire: a person buys wherever it may be, and delivers in the console. Nothing here is ever sent. */
export function createManual(): Connector {
  return {
    kind: 'MANUAL',
    abilities: {
      canQuery: true,
      resendIsSafe: true,
      resendBringsGoods: false,
      requestKeyLengthMax: 64,
      callsAtOnceMax: 64,
      // a person is asked, and never says "not found"
      notFoundAfterSeconds: 86_400,
      callsBack: false,
    },
    accountFields: [],
    goodsFields: [{ name: 'note', isSecret: false, isRequired: false, maxLength: 500 }],
    checkAccount: async () => ({ kind: 'ANSWERED', value: { shopName: null, balance: null }, wire: [] }),
    quote: async () => ({ kind: 'FAILED', reason: 'OTHER', message: 'A person delivers: nobody can be asked for a price.', wire: [] }),
    listGoods: async () => ({ kind: 'ANSWERED', value: [], wire: [] }),
    purchase: async (_account, purchase) => waiting(purchase),
    query: async (_account, purchase) => waiting(purchase),
    readCallback: () => ({ callback: null, status: 404, contentType: 'text/plain; charset=utf-8', answer: '' }),
  };
}

function waiting({ upstreamRef }: UpstreamPurchase): UpstreamReply {
  return { outcome: { kind: 'PENDING', upstreamRef }, wire: [] };
}
