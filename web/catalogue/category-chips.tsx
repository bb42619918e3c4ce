import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { CategoriesDocument } from '../gql/graphql.ts';
import { Chips } from '../parts/chips.tsx';
import { Bone } from '../parts/states.tsx';

type Branch = { id: string; name: string; children?: readonly Branch[] };

/** The category filter: one row of chips per level that has been entered. */
export function CategoryChips(props: {
  value: string;
  onChange: (id: string) => void;
  sellable: boolean;
  onSellable: (on: boolean) => void;
}) {
  const { t } = useTranslation();
  const [{ data, fetching }] = useQuery({ query: CategoriesDocument });
  if (!data) return fetching ? <Bone height={32} width="60%" /> : null;
  const path = pathTo(props.value, data.categories);
  const levels = [data.categories as readonly Branch[], ...path.map((branch) => branch.children ?? [])].filter((level) => level.length > 0);
  return (
    <div className="filter">
      {levels.map((level, depth) => {
        const above = depth === 0 ? '' : (path[depth - 1]?.id ?? '');
        return (
          <Chips
            key={above || 'top'}
            label={t('catalogue.category')}
            options={[{ value: above, label: t('catalogue.all') }, ...level.map((branch) => ({ value: branch.id, label: branch.name }))]}
            value={path[depth]?.id ?? above}
            onChange={props.onChange}
          />
        );
      })}
      <button type="button" className="chip" aria-pressed={props.sellable} onClick={() => props.onSellable(!props.sellable)}>
        {t('catalogue.sellableOnly')}
      </button>
    </div>
  );
}

function pathTo(id: string, branches: readonly Branch[]): Branch[] {
  for (const branch of branches) {
    if (branch.id === id) return [branch];
    const below = pathTo(id, branch.children ?? []);
    if (below.length > 0) return [branch, ...below];
  }
  return [];
}
