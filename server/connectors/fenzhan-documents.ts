// What is asked of another Fenzhan: documents of its public contract (schema/schema.graphql; a test holds them against it).

const ORDER = `id requestKey state quantity sku { id } total { amount currency } refundedTotal { amount currency }
  cardKeys { number secret }`;

/** Who the API key is, what it may do, and what is in the wallet where it may see that. */
export const ACCOUNT_DOCUMENT = `query FenzhanAccount {
  viewer { permissions network { currency } party { ... on Station { name } } }
  station { wallet { available { amount currency } } }
}`;

/** What a quantity would cost now. */
export const QUOTE_DOCUMENT = `query FenzhanQuote($input: QuoteInput!) {
  quote(input: $input) {
    ... on Quote { total { amount currency } stock { availableCount } }
    ... on NotSellable { reason }
    ... on Refusal { code message }
  }
}`;

/** A page of what may be bought. */
export const CATALOGUE_DOCUMENT = `query FenzhanCatalogue($after: String) {
  catalogue(first: 100, after: $after) {
    edges {
      node {
        id name unitSize minQuantity maxQuantity deliveryKind goodsKind inputFields { name label isRequired }
        product { name category { name parent { name parent { name } } } }
        offer { unitPrice { amount currency } stock { availableCount } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Buys; sent again under the same request key it answers from the same order. Selecting the keys reveals them: audited there. */
export const PLACE_ORDER_DOCUMENT = `mutation FenzhanPurchase($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    ... on OrderPlaced { order { ${ORDER} } }
    ... on NotSellable { reason }
    ... on Refusal { code message }
  }
}`;

/** The order that was placed under a request key. */
export const ORDER_DOCUMENT = `query FenzhanOrder($requestKey: String!) { order(requestKey: $requestKey) { ${ORDER} } }`;

/** The place in the events, read before the catalogue is. */
export const PLACE_DOCUMENT = 'query FenzhanPlace { eventCursor }';

/** How prices change for the station. */
export const PRICES_DOCUMENT = `subscription FenzhanPrices($after: Cursor!) {
  priceChanged(after: $after) {
    cursor hasMore changes { skuId sku { unitSize } offer { unitPrice { amount currency } stock { availableCount } } }
  }
}`;

/** How the stock of what the station may buy changes. */
export const STOCK_DOCUMENT = `subscription FenzhanStock($after: Cursor!) {
  stockUpdated(after: $after) { cursor sku { id } stock { availableCount } }
}`;
