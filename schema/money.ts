import { type CurrencyCode, currencyCode, type Money, money, toAmountString, toUnitPriceString } from '#server/platform/money.ts';
import { builder } from './builder.ts';

/** Money as it is shown: the decimals are chosen by what it is, a total or a unit price. */
export interface ShownMoney {
  readonly amount: string;
  readonly currency: CurrencyCode;
}

/** Money of the contract. */
export const MoneyType = builder.objectRef<ShownMoney>('Money').implement({
  description: 'An amount in a currency. Totals have the decimals of the currency (CNY 2), unit prices have 4.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    amount: t.expose('amount', { type: 'Decimal', description: 'The exact amount.' }),
    currency: t.expose('currency', { type: 'CurrencyCode', description: 'The currency of the amount.' }),
  }),
});

/** Shows a total: "147.72". */
export function shownAmount(total: Money): ShownMoney {
  return { amount: toAmountString(total), currency: total.currency };
}

/** Shows a unit price: "49.2405". */
export function shownUnitPrice(price: Money): ShownMoney {
  return { amount: toUnitPriceString(price), currency: price.currency };
}

/** Shows a total that a NUMERIC column holds. */
export function amountOf(text: string, currency: string): ShownMoney {
  return shownAmount(money(text, currencyCode(currency)));
}

/** Shows a unit price that a NUMERIC column holds. */
export function unitPriceOf(text: string, currency: string): ShownMoney {
  return shownUnitPrice(money(text, currencyCode(currency)));
}
