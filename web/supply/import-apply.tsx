import { Button, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { ApplyImportDocument, type ImportHeadFragment, type LotTerms } from '../gql/graphql.ts';
import { useAction } from '../parts/use-action.tsx';
import type { Applied } from './import-page.tsx';

type Props = { preview: ImportHeadFragment; picked: ReadonlySet<string>; done: (applied: Applied) => void };

/** The bar that imports what the preview shows: says how much of what will be made, then does just that. */
export function ImportApply({ preview, picked, done }: Props) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [terms, setTerms] = useState<LotTerms>('CONSIGNMENT');
  const apply = useAction(ApplyImportDocument, (data) => data.applyUpstreamImport, 'UpstreamImportApplied');
  const open = new Map(preview.counts.map((row) => [row.change, row.count - row.appliedCount - row.changedSinceCount]));
  const parts = (['NEW', 'OFFER_ADDED', 'COST_CHANGED'] as const).filter((change) => (open.get(change) ?? 0) > 0);
  const openCount = parts.reduce((sum, change) => sum + (open.get(change) ?? 0), 0);
  if (!may('SUPPLY_MANAGE') || openCount === 0) return null;
  if (!preview.isNewest) return <p className="warning">{t('imports.stale')}</p>;
  const submit = async () => {
    const itemIds = picked.size > 0 ? { itemIds: [...picked] } : {};
    const answer = await apply.run({ input: { upstreamImportId: preview.id, terms, ...itemIds } });
    if (answer) done(answer);
  };
  return (
    <section className="save-bar" aria-label={t('imports.apply')}>
      <div className="save-bar-line import-bar">
        <p>
          <span className="save-bar-name">
            {picked.size > 0 ? t('imports.willPicked', { count: picked.size }) : t('imports.will', { count: openCount })}
          </span>
          <span className="soft">
            {parts.map((change) => t(`imports.willDo.${change}`, { count: open.get(change) ?? 0 })).join(t('comma'))}
          </span>
        </p>
        <Radio.Group aria-label={t('stock.terms')} value={terms} onChange={(event) => setTerms(event.target.value)}>
          <Radio value="CONSIGNMENT">{t('lotTerms.CONSIGNMENT')}</Radio>
          <Radio value="OWN">{t('lotTerms.OWN')}</Radio>
        </Radio.Group>
        <Button type="primary" loading={apply.busy} onClick={() => void submit()}>
          {picked.size > 0 ? t('imports.runPicked', { count: picked.size }) : t('imports.run', { count: openCount })}
        </Button>
      </div>
      {apply.note}
    </section>
  );
}
