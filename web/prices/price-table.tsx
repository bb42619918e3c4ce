import { Tooltip } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type PriceRowFragment, RulePartsFragmentDoc } from '../gql/graphql.ts';
import { amountText } from '../parts/amounts.ts';
import { CopyableId } from '../parts/copy.tsx';
import { DataTable } from '../parts/data-table.tsx';
import { Icon } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { Status } from '../parts/status.tsx';
import { PriceSaveBar } from './price-save-bar.tsx';
import { draftText, type RuleDraft, RuleEditor } from './rule-editor.tsx';
import { markupText, ruleBuyers, ruleGoods } from './rule-words.ts';
import { useSaveRules } from './use-save-rules.ts';
import type { Target } from './use-target.ts';

type Props = { rows: readonly PriceRowFragment[]; target: Target; manage: boolean; refresh: () => void };

/** Cost → price → margin, row by row. A rule is edited in its row; nothing is saved until the bar below is pressed. */
export function PriceTable({ rows, target, manage, refresh }: Props) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState<string | null>(null);
  const [drafts, setDrafts] = useState<ReadonlyMap<string, RuleDraft>>(new Map());
  const saving = useSaveRules(target, refresh);
  const keep = (draft: RuleDraft) => {
    setDrafts((before) => new Map(before).set(draft.skuId, draft));
    setEditing(null);
  };
  const save = async () => {
    const refused = await saving.save([...drafts.values()]);
    setDrafts((before) => new Map([...before].filter(([skuId]) => refused.has(skuId))));
  };
  const cell = (row: PriceRowFragment) =>
    editing === row.sku.id ? (
      <RuleEditor row={row} target={target} draft={drafts.get(row.sku.id)} keep={keep} cancel={() => setEditing(null)} />
    ) : (
      <RuleCell row={row} draft={drafts.get(row.sku.id)} edit={manage ? () => setEditing(row.sku.id) : null} />
    );
  return (
    <>
      <DataTable
        label={t('prices.table')}
        rows={rows}
        rowKey={(row) => row.sku.id}
        rowClass={(row) => (drafts.has(row.sku.id) ? 'drafted' : row.notSellable ? 'muted' : '')}
        columns={[
          {
            key: 'name',
            title: t('catalogue.name'),
            render: (row) => <SkuName product={row.sku.product.name} name={row.sku.name} faceValue={row.sku.faceValue} />,
          },
          { key: 'code', title: t('catalogue.code'), wide: true, render: (row) => <CopyableId id={row.sku.code} /> },
          { key: 'cost', title: t('prices.cost'), align: 'right', width: 110, render: (row) => <Money value={row.cost} /> },
          { key: 'rule', title: t('prices.rule'), width: 250, render: cell },
          { key: 'price', title: t('prices.price'), align: 'right', width: 120, render: (row) => <PriceCell row={row} /> },
          { key: 'margin', title: t('orders.margin'), align: 'right', width: 110, render: (row) => <Money value={row.margin} signed /> },
        ]}
        phone={(row) => (
          <>
            <div className="row-line">
              <SkuName product={row.sku.product.name} name={row.sku.name} faceValue={row.sku.faceValue} />
              {editing !== row.sku.id && cell(row)}
            </div>
            {editing === row.sku.id ? (
              cell(row)
            ) : (
              <div className="row-line soft">
                <span>
                  <Money value={row.cost} /> → <PriceCell row={row} />
                </span>
                <Money value={row.margin} signed />
              </div>
            )}
          </>
        )}
      />
      <PriceSaveBar
        drafts={[...drafts.values()]}
        target={target}
        saving={saving}
        save={() => void save()}
        discard={() => setDrafts(new Map())}
      />
    </>
  );
}

function PriceCell({ row }: { row: PriceRowFragment }) {
  const { t } = useTranslation();
  if (row.notSellable && !row.price) return <Status tone="quiet">{t(`notSellable.${row.notSellable}`)}</Status>;
  if (!row.clamped) return <Money value={row.price} />;
  const band = [
    row.floor && t('refusal.floor', { amount: amountText(row.floor) }),
    row.ceiling && t('refusal.ceiling', { amount: amountText(row.ceiling) }),
  ]
    .filter(Boolean)
    .join(' · ');
  return (
    <Tooltip title={band}>
      <span className="clamped">
        <Status tone="warn">{t('prices.clamped')}</Status> <Money value={row.price} />
      </span>
    </Tooltip>
  );
}

function RuleCell({ row, draft, edit }: { row: PriceRowFragment; draft: RuleDraft | undefined; edit: (() => void) | null }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const rule = row.rule ? unmask(RulePartsFragmentDoc, row.rule) : null;
  const words = draft ? (
    <>
      <span className="struck">{rule ? markupText(rule.kind, rule.value, currency) : t('prices.noRule')}</span>{' '}
      <strong>{draftText(draft, currency, t)}</strong>
    </>
  ) : rule ? (
    <>
      <strong>{markupText(rule.kind, rule.value, currency)}</strong>
      {rule.breaks.length > 0 && <span className="soft"> {t('prices.withBreaks', { count: rule.breaks.length })}</span>}
      <span className="soft rule-from">
        {ruleBuyers(rule, t)} · {rule.sku ? t('prices.thisSku') : ruleGoods(rule, t)}
      </span>
    </>
  ) : (
    <span className="soft">{t('prices.noRule')}</span>
  );
  if (!edit) return <span className="rule-cell">{words}</span>;
  return (
    <button type="button" className="rule-cell" onClick={edit} aria-label={`${t('prices.edit')} ${row.sku.product.name} ${row.sku.name}`}>
      <span className="rule-words">{words}</span>
      <Icon name="edit" size={14} />
    </button>
  );
}
