import { Select, TreeSelect } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { CategoriesDocument, SkuChoicesDocument } from '../gql/graphql.ts';
import { useSettled } from './use-settled.ts';

/** Goods that a rule or plan is for. */
export type Goods = { kind: 'all' | 'category' | 'product' | 'sku'; id: string | null };

/** A goods choice as the three ids of an input, of which at most one is set. */
export function goodsIds(goods: Goods) {
  const of = (kind: Goods['kind']) => (goods.kind === kind ? goods.id : null);
  return { categoryId: of('category'), productId: of('product'), skuId: of('sku') };
}

/** Chooses one SKU, or its product, by typing part of its name or code. */
export function SkuSelect({
  id,
  value,
  onChange,
  products = false,
}: {
  id: string;
  value: string | null;
  onChange: (id: string) => void;
  products?: boolean;
}) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const settled = useSettled(search.trim(), 250);
  const [{ data, fetching }] = useQuery({ query: SkuChoicesDocument, variables: { search: settled || null } });
  // what was found for other words may not be chosen: it is replaced while one reaches for it
  const found = search.trim() === settled && !fetching;
  const nodes = data?.catalogue.edges.map((edge) => edge.node) ?? [];
  const options = products
    ? [...new Map(nodes.map((sku) => [sku.product.id, { value: sku.product.id, label: sku.product.name }])).values()]
    : nodes.map((sku) => ({ value: sku.id, label: `${sku.product.name} ${sku.name}`, note: sku.code }));
  return (
    <Select
      id={id}
      className="full"
      showSearch={{ filterOption: false, onSearch: setSearch }}
      loading={!found}
      placeholder={t('catalogue.search')}
      value={value ?? undefined}
      onChange={onChange}
      options={found ? options : []}
      notFoundContent={found ? undefined : t('loading')}
    />
  );
}

/** Chooses one category of any level. */
export function CategorySelect({ id, value, onChange }: { id: string; value: string | null; onChange: (id: string) => void }) {
  const { t } = useTranslation();
  const [{ data }] = useQuery({ query: CategoriesDocument });
  return (
    <TreeSelect
      id={id}
      className="full"
      showSearch
      treeNodeFilterProp="name"
      placeholder={t('catalogue.category')}
      value={value ?? undefined}
      onChange={onChange}
      fieldNames={{ label: 'name', value: 'id', children: 'children' }}
      treeData={(data?.categories ?? []) as never}
    />
  );
}

/** Chooses what a rule or plan is for: everything, a category, a product or a SKU. */
export function GoodsField({
  id,
  value,
  onChange,
  everything = true,
}: {
  id: string;
  value: Goods;
  onChange: (goods: Goods) => void;
  everything?: boolean;
}) {
  const { t } = useTranslation();
  const kinds = (['all', 'category', 'product', 'sku'] as const).filter((kind) => everything || kind !== 'all');
  const choose = (chosen: string) => onChange({ kind: value.kind, id: chosen });
  return (
    <div className="goods-field">
      <Select<Goods['kind']>
        id={id}
        value={value.kind}
        onChange={(kind) => onChange({ kind, id: null })}
        options={kinds.map((kind) => ({ value: kind, label: t(`goods.${kind}`) }))}
      />
      {value.kind === 'category' && <CategorySelect id={`${id}-category`} value={value.id} onChange={choose} />}
      {value.kind === 'product' && <SkuSelect id={`${id}-product`} value={value.id} onChange={choose} products />}
      {value.kind === 'sku' && <SkuSelect id={`${id}-sku`} value={value.id} onChange={choose} />}
    </div>
  );
}
