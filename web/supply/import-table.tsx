import { Button, Checkbox } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { SkuName } from '../catalogue/sku-name.tsx';
import type { AccountChoiceFragment, ImportHeadFragment, ImportItemRowFragment, UpstreamImportChange } from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Money } from '../parts/money.tsx';
import { Status, type Tone } from '../parts/status.tsx';
import { ImportMapSheet } from './import-map-sheet.tsx';

const tones: Record<UpstreamImportChange, Tone> = {
  NEW: 'busy',
  OFFER_ADDED: 'busy',
  COST_CHANGED: 'warn',
  UNCHANGED: 'quiet',
  SKIPPED: 'quiet',
};

type Props = {
  rows: readonly ImportItemRowFragment[];
  picked: ReadonlySet<string>;
  pick: (picked: ReadonlySet<string>) => void;
  preview: ImportHeadFragment;
  account: AccountChoiceFragment;
  asked: () => void;
};

/** What importing would do with each of an upstream's goods; chosen by a box, put elsewhere by a person who knows better. */
export function ImportTable({ rows, picked, pick, preview, account, asked }: Props) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [mapping, setMapping] = useState<ImportItemRowFragment | null>(null);
  const manages = may('SUPPLY_MANAGE') && preview.isNewest;
  const toggle = (row: ImportItemRowFragment) => {
    const next = new Set(picked);
    if (!next.delete(row.id)) next.add(row.id);
    pick(next);
  };
  const box = (row: ImportItemRowFragment) =>
    manages && isOpen(row) ? (
      <Checkbox checked={picked.has(row.id)} onChange={() => toggle(row)} aria-label={t('imports.pick', { goods: nameOf(row) })} />
    ) : null;
  const goods = (row: ImportItemRowFragment) => (
    <span className="import-goods">
      <SkuName product={row.productName === row.skuName ? '' : row.productName} name={row.skuName} />
      <span className="soft">{row.sku && row.change !== 'NEW' ? `→ ${row.sku.title}` : row.categoryNames.join(' / ')}</span>
    </span>
  );
  const map = (row: ImportItemRowFragment) =>
    manages && !row.appliedAt ? (
      <Button size="small" onClick={() => setMapping(row)} aria-label={t('imports.mapOf', { goods: nameOf(row) })}>
        {t('imports.map')}
      </Button>
    ) : null;
  return (
    <>
      <DataTable
        label={t('place.imports')}
        rows={rows}
        rowKey={(row) => row.id}
        rowClass={(row) => (row.change === 'SKIPPED' || row.change === 'UNCHANGED' ? 'muted' : '')}
        columns={[
          { key: 'pick', title: <span className="sr-only">{t('imports.choice')}</span>, width: 40, render: box },
          { key: 'goods', title: t('attempts.goods'), render: goods },
          { key: 'change', title: t('imports.what'), render: (row) => <What row={row} /> },
          { key: 'stock', title: t('stock.keys'), align: 'right', wide: true, render: (row) => countText(row.stockCount) },
          { key: 'cost', title: t('offers.cost'), align: 'right', render: (row) => <Cost row={row} /> },
          { key: 'price', title: t('imports.basePrice'), align: 'right', wide: true, render: (row) => <Money value={row.basePrice} /> },
          { key: 'map', title: <span className="sr-only">{t('imports.map')}</span>, align: 'right', render: map },
        ]}
        phone={(row) => (
          <>
            <div className="row-line">
              <span className="import-pick">
                {box(row)} {goods(row)}
              </span>
              <Cost row={row} />
            </div>
            <div className="row-line soft">
              <What row={row} />
              {map(row)}
            </div>
          </>
        )}
      />
      {mapping && <ImportMapSheet row={mapping} preview={preview} account={account} close={() => setMapping(null)} asked={asked} />}
    </>
  );
}

/** What importing does with it, or has done. */
function What({ row }: { row: ImportItemRowFragment }) {
  const { t } = useTranslation('supply');
  if (row.changedSince) return <Status tone="warn">{t('imports.leftOut')}</Status>;
  if (row.appliedAt) return <Status tone="good">{t('imports.imported')}</Status>;
  return (
    <span className="import-what">
      <Status tone={tones[row.change]}>{t(`imports.change.${row.change}`)}</Status>
      {row.reason && <span className="soft">{t(`imports.reason.${row.reason}`)}</span>}
    </span>
  );
}

/** What it costs; of one that changes, what it cost before as well. */
function Cost({ row }: { row: ImportItemRowFragment }) {
  const { t } = useTranslation('supply');
  return (
    <span className="import-cost">
      <Money value={row.unitCost} />
      {row.change === 'COST_CHANGED' && row.oldUnitCost && (
        <span className="soft was">
          <span className="sr-only">{t('listings.before')}</span>
          <Money value={row.oldUnitCost} />
        </span>
      )}
    </span>
  );
}

function isOpen(row: ImportItemRowFragment): boolean {
  return !row.appliedAt && !row.changedSince && row.change !== 'UNCHANGED' && row.change !== 'SKIPPED';
}

function nameOf(row: ImportItemRowFragment): string {
  return row.productName === row.skuName ? row.skuName : `${row.productName} ${row.skuName}`;
}
