/** What a webhook can be told of, with a document to begin with: one subscription each. */
export const topics = {
  orderUpdated: `subscription Orders {
  orderUpdated(scope: DOWNLINE) {
    kind
    occurredAt
    order { id state quantity total { amount currency } buyer { name } }
  }
}`,
  stockUpdated: `subscription Stock {
  stockUpdated {
    sku { id code name }
    stock { availableCount many }
  }
}`,
  priceChanged: `subscription Prices {
  priceChanged {
    hasMore
    changes { skuId offer { unitPrice { amount currency } notSellable } }
  }
}`,
  walletChanged: `subscription Wallet {
  walletChanged {
    occurredAt
    wallet { balance { amount currency } available { amount } }
  }
}`,
  alertRaised: `subscription Alerts {
  alertRaised {
    alert { id kind raisedAt advice sku { code name } }
  }
}`,
} as const;

/** The subscriptions to choose from. */
export type Topic = keyof typeof topics;

/** One document of all that were chosen. */
export function documentOf(chosen: readonly Topic[]): string {
  return chosen.map((topic) => topics[topic]).join('\n\n');
}
