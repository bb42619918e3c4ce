import { Button, Input, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { CategoryChips } from '../catalogue/category-chips.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { PriceRowFragmentDoc, PriceTableDocument } from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { More } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { useSettled } from '../parts/use-settled.ts';
import { useUrlState } from '../parts/use-url-state.ts';
import { PriceTable } from './price-table.tsx';
import { RuleSheet } from './rule-sheet.tsx';
import { RulesTable } from './rules-table.tsx';
import { useTarget } from './use-target.ts';
import './prices.css';

/** What a station's children pay: cost, price and margin of every SKU, with the rule that makes it, to be changed in place. */
export function PricesPage() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [view, setView] = useUrlState<'table' | 'rules'>('view', 'table');
  const [adding, setAdding] = useState(false);
  const [round, setRound] = useState(0);
  const manage = may('PRICES_MANAGE');
  return (
    <>
      <PageHead
        title={t('place.prices')}
        summary={t('prices.lead')}
        action={
          manage && (
            <Button type="primary" icon={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
              {t('prices.addRule')}
            </Button>
          )
        }
      />
      <div className="filter">
        <Chips
          label={t('prices.view')}
          value={view}
          onChange={setView}
          options={[
            { value: 'table', label: t('prices.table') },
            { value: 'rules', label: t('prices.rules') },
          ]}
        />
      </div>
      {view === 'table' ? <Prices key={round} manage={manage} /> : <RulesTable key={round} manage={manage} />}
      {adding && <RuleSheet close={() => setAdding(false)} done={() => setRound((n) => n + 1)} />}
    </>
  );
}

function Prices({ manage }: { manage: boolean }) {
  const { t } = useTranslation();
  const { target, chosen, choose, groups } = useTarget();
  const [category, setCategory] = useUrlState<string>('category', '');
  const [search, setSearch] = useUrlState<string>('q', '');
  const [sellable, setSellable] = useUrlState<'' | '1'>('sellable', '');
  const settled = useSettled(search.trim(), 250);
  const pages = usePages({
    query: PriceTableDocument,
    variables: {
      childId: target.childId,
      levelId: target.levelId,
      first: 50,
      filter: { search: settled || null, categoryId: category || null, sellableOnly: sellable === '1' },
    },
    connection: (data) => data.priceTable,
  });
  return (
    <>
      <div className="filter">
        <label className="inline-label">
          {t('prices.for')}
          <Select
            className="target-select"
            showSearch={{ optionFilterProp: 'label' }}
            aria-label={t('prices.for')}
            value={chosen}
            onChange={choose}
            options={groups}
          />
        </label>
        <Input
          className="filter-search"
          allowClear
          placeholder={t('catalogue.search')}
          aria-label={t('catalogue.search')}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      <CategoryChips value={category} onChange={setCategory} sellable={sellable === '1'} onSellable={(on) => setSellable(on ? '1' : '')} />
      {pages.error ? (
        <Failure error={pages.error} retry={pages.refresh} />
      ) : pages.loading ? (
        <RowsSkeleton rows={12} columns={5} />
      ) : pages.nodes.length === 0 ? (
        <Empty icon="tag" title={t('catalogue.none')} help={t('prices.noneHelp')} />
      ) : (
        <>
          <PriceTable
            key={chosen}
            rows={unmask(PriceRowFragmentDoc, pages.nodes)}
            target={target}
            manage={manage}
            refresh={pages.refresh}
          />
          <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
        </>
      )}
    </>
  );
}
