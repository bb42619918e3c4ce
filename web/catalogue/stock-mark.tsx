import { useTranslation } from 'react-i18next';
import type { OfferPartsFragment } from '../gql/graphql.ts';
import { Status } from '../parts/status.tsx';

/** What is left of a SKU for the viewer, or why it cannot be bought. */
export function StockMark({ offer }: { offer: Pick<OfferPartsFragment, 'stock' | 'notSellable'> }) {
  const { t } = useTranslation();
  if (offer.notSellable && offer.notSellable !== 'OUT_OF_STOCK')
    return <Status tone="quiet">{t(`notSellable.${offer.notSellable}`)}</Status>;
  if (offer.stock.many) return <Status tone="good">{t('stock.many')}</Status>;
  if (offer.stock.onOrder && offer.stock.availableCount === null) return <Status tone="good">{t('stock.onOrder')}</Status>;
  const count = offer.stock.availableCount ?? 0;
  if (count === 0) return <Status tone="bad">{t('stock.none')}</Status>;
  return <Status tone={count <= 10 ? 'warn' : 'good'}>{t('stock.left', { count: count })}</Status>;
}
