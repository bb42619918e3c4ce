import { Button, Input, type InputRef } from 'antd';
import { useDeferredValue, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { type FragmentType, unmask } from '../gql/fragment-masking.ts';
import {
  CatalogueDocument,
  OfferPartsFragmentDoc,
  PriceWatchDocument,
  type SkuRowFragment,
  SkuRowFragmentDoc,
  StockWatchDocument,
} from '../gql/graphql.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DataTable, More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { useFollow, useListCursor } from '../parts/use-follow.ts';
import { useGlow, useGlowOnChange } from '../parts/use-glow.ts';
import { usePhone } from '../parts/use-media.ts';
import { usePages } from '../parts/use-pages.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { BuyDialog } from './buy-dialog.tsx';
import { BuyerRail } from './buyer-rail.tsx';
import { CategoryChips } from './category-chips.tsx';
import { OftenBought } from './often-bought.tsx';
import { SkuName } from './sku-name.tsx';
import { StockMark } from './stock-mark.tsx';
import './catalogue.css';

/** A SKU as a row needs it. */
export type SkuRow = FragmentType<typeof SkuRowFragmentDoc> & { id: string };

/** Where a buyer buys: search first, then what is bought often, then everything with its price and live stock. */
export function CataloguePage() {
  const { t } = useTranslation();
  const { party, may } = useViewer();
  const [category, setCategory] = useUrlState<string>('category', '');
  const [search, setSearch] = useUrlState<string>('q', '');
  const [sellable, setSellable] = useUrlState<'' | '1'>('sellable', '');
  const [buying, setBuying] = useState<SkuRowFragment | null>(null);
  const query = useDeferredValue(search.trim());
  const browsing = !query && !category;
  const reseller = party?.kind === 'RESELLER';
  const pages = usePages({
    query: CatalogueDocument,
    variables: { first: 50, filter: { search: query || null, categoryId: category || null, sellableOnly: sellable === '1' } },
    connection: (data) => data.catalogue,
  });
  // Live stock and prices land in the cache and from there in every row that shows the SKU.
  const after = useListCursor('catalogue', { fresh: pages.fresh, cursor: pages.data?.eventCursor });
  useFollow({ query: StockWatchDocument, after, onEvents: () => undefined });
  useFollow({
    query: PriceWatchDocument,
    after,
    // more has changed than is listed
    onEvents: (events) => events.some(({ priceChanged }) => priceChanged.hasMore) && pages.refresh(),
  });

  return (
    <div className="with-rail">
      <div>
        <PageHead title={reseller ? t('place.buy') : t('place.catalogue')} />
        <SearchField value={search} onChange={setSearch} />
        {browsing && reseller && <OftenBought buy={setBuying} />}
        <CategoryChips
          value={category}
          onChange={setCategory}
          sellable={sellable === '1'}
          onSellable={(on) => setSellable(on ? '1' : '')}
        />
        {pages.error ? (
          <Failure error={pages.error} retry={pages.refresh} />
        ) : pages.loading ? (
          <RowsSkeleton rows={12} columns={4} />
        ) : pages.nodes.length === 0 ? (
          <Empty
            icon="search"
            title={t('catalogue.none')}
            help={query ? t('catalogue.noneHelp', { text: query }) : t('catalogue.emptyHelp')}
          />
        ) : (
          <>
            <SkuTable rows={pages.nodes} buy={may('ORDERS_PLACE') ? setBuying : null} />
            <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
          </>
        )}
      </div>
      <BuyerRail />
      {buying && <BuyDialog sku={buying} close={() => setBuying(null)} />}
    </div>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const phone = usePhone();
  const field = useRef<InputRef>(null);
  // On a phone the keyboard would cover what is bought often.
  useEffect(() => {
    if (!phone) field.current?.focus({ preventScroll: true });
  }, [phone]);
  return (
    <Input
      ref={field}
      className="catalogue-search"
      size="large"
      type="search"
      allowClear
      prefix={<Icon name="search" />}
      placeholder={t('catalogue.search')}
      aria-label={t('catalogue.search')}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

function SkuTable({ rows, buy }: { rows: SkuRow[]; buy: ((sku: SkuRowFragment) => void) | null }) {
  const { t } = useTranslation();
  const skus = unmask(SkuRowFragmentDoc, rows);
  const [glowing, glow] = useGlow();
  useGlowOnChange(skus, { rowKey: (sku) => sku.id, text: (sku) => JSON.stringify(unmask(OfferPartsFragmentDoc, sku.offer)) }, glow);
  const canBuy = (sku: SkuRowFragment) => Boolean(buy) && !unmask(OfferPartsFragmentDoc, sku.offer).notSellable;
  return (
    <DataTable
      label={t('place.catalogue')}
      rows={skus}
      rowKey={(sku) => sku.id}
      glowing={glowing}
      rowClass={(sku) => (canBuy(sku) ? '' : 'muted')}
      open={(sku) => canBuy(sku) && buy?.(sku)}
      columns={[
        {
          key: 'name',
          title: t('catalogue.name'),
          render: (sku) => <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />,
        },
        {
          key: 'category',
          title: t('catalogue.category'),
          wide: true,
          render: (sku) => <span className="soft">{sku.product.category.name}</span>,
        },
        { key: 'code', title: t('catalogue.code'), wide: true, render: (sku) => <CopyableId id={sku.code} /> },
        { key: 'stock', title: t('catalogue.stock'), render: (sku) => <StockMark offer={unmask(OfferPartsFragmentDoc, sku.offer)} /> },
        { key: 'price', title: t('catalogue.price'), align: 'right', render: (sku) => <UnitPrice sku={sku} /> },
        {
          key: 'buy',
          title: <span className="sr-only">{t('buy.action')}</span>,
          align: 'right',
          width: 88,
          render: (sku) => canBuy(sku) && <BuyButton sku={sku} buy={buy} />,
        },
      ]}
      phone={(sku) => (
        <>
          <div className="row-line">
            <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />
            <UnitPrice sku={sku} />
          </div>
          <div className="row-line">
            <StockMark offer={unmask(OfferPartsFragmentDoc, sku.offer)} />
            {canBuy(sku) && <BuyButton sku={sku} buy={buy} />}
          </div>
        </>
      )}
    />
  );
}

function BuyButton({ sku, buy }: { sku: SkuRowFragment; buy: ((sku: SkuRowFragment) => void) | null }) {
  const { t } = useTranslation();
  return (
    <Button size="small" onClick={() => buy?.(sku)} aria-label={`${t('buy.action')} ${sku.product.name} ${sku.name}`}>
      {t('buy.action')}
    </Button>
  );
}

/** A SKU's price for the viewer, with the size of its unit where that is not one. */
export function UnitPrice({ sku }: { sku: SkuRowFragment }) {
  const { unitPrice } = unmask(OfferPartsFragmentDoc, sku.offer);
  return (
    <span>
      <Money value={unitPrice} />
      {sku.unitSize > 1 && <span className="soft"> / {sku.unitSize}</span>}
    </span>
  );
}
