import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { PriceTargetsDocument } from '../gql/graphql.ts';
import { useUrlState } from '../parts/use-url-state.ts';

/** For whom prices are looked at and changed: everyone, a level, or one child. */
export type Target = { childId: string | null; levelId: string | null; label: string };

/** The target in the URL (`?for=child:…`, `?for=level:…`), its name, and all that there are to choose. */
export function useTarget() {
  const { t } = useTranslation();
  const [chosen, choose] = useUrlState<string>('for', '');
  const [{ data }] = useQuery({ query: PriceTargetsDocument });
  const levels = data?.station?.levels ?? [];
  const children = data?.station?.children.edges.map((edge) => edge.node) ?? [];
  const [kind, id] = [chosen.slice(0, chosen.indexOf(':')), chosen.slice(chosen.indexOf(':') + 1)];
  const groups = [
    { label: t('prices.everyone'), options: [{ value: '', label: t('prices.everyone') }] },
    { label: t('downline.level'), options: levels.map((level) => ({ value: `level:${level.id}`, label: level.name })) },
    { label: t('place.downline'), options: children.map((child) => ({ value: `child:${child.id}`, label: child.name })) },
  ].filter((group) => group.options.length > 0);
  const label = groups.flatMap((group) => group.options).find((option) => option.value === chosen)?.label ?? t('prices.everyone');
  const target: Target = { childId: kind === 'child' ? id : null, levelId: kind === 'level' ? id : null, label };
  return { target, chosen, choose, groups };
}
