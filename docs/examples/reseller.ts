// A reseller's program: node reseller.ts <own order number> <SKU id> <quantity> <most to pay>. Prints the card keys, one a line.
// Run it again with the same words and it prints the same keys, for the order number is the request key: nothing is bought twice.
const [requestKey, skuId, quantity, maxTotal] = process.argv.slice(2);

const query = `mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    ... on OrderPlaced { order { total { amount currency } cardKeys { number secret } } }
    ... on Refusal { code message }
  }
}`;
type Placed = { order: { total: { amount: string; currency: string }; cardKeys: { number: string | null; secret: string }[] } };
type Answer = { data?: { placeOrder: Placed | { code: string; message: string } }; errors?: { message: string }[] };

const response = await fetch(`${process.env['FENZHAN_URL'] ?? 'http://localhost:4000'}/graphql`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${process.env['FENZHAN_API_KEY']}` },
  body: JSON.stringify({ query, variables: { input: { requestKey, skuId, quantity: Number(quantity), maxTotal } } }),
});
const { data, errors } = (await response.json()) as Answer;
if (!data) throw new Error(errors?.map(({ message }) => message).join(' '));
const answer = data.placeOrder;
if ('code' in answer) throw new Error(`${answer.code}: ${answer.message}`);
console.error(`paid ${answer.order.total.amount} ${answer.order.total.currency}`);
for (const { number, secret } of answer.order.cardKeys) console.log([number, secret].filter(Boolean).join(' '));
