import type { TFunction } from 'i18next';
import type { MarkupKind, RulePartsFragment } from '../gql/graphql.ts';
import { amountText } from '../parts/amounts.ts';

/** A markup's value as people write it: +2%, +¥0.30, =¥48.00. */
export function markupText(kind: MarkupKind, value: string, currency: string): string {
  if (kind === 'PERCENT') return `+${withoutZeros(value)}%`;
  const amount = amountText({ amount: value.includes('.') ? value : `${value}.00`, currency });
  return kind === 'FIXED' ? `+${amount}` : `= ${amount}`;
}

/** What a rule is for: one SKU, a product, a category or everything. */
export function ruleGoods(rule: RulePartsFragment, t: TFunction): string {
  if (rule.sku) return `${rule.sku.product.name} ${rule.sku.name}`;
  return rule.product?.name ?? rule.category?.name ?? t('prices.everything');
}

/** Whom a rule is for: one child, a level or everyone. */
export function ruleBuyers(rule: RulePartsFragment, t: TFunction): string {
  return rule.child?.name ?? rule.level?.name ?? t('prices.everyone');
}

/** A decimal without the zeros that say nothing: "2.0000" is "2", "1.2500" is "1.25". */
export function withoutZeros(value: string): string {
  return value.includes('.') ? value.replace(/\.?0+$/, '') : value;
}
