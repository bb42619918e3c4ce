import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { Chips } from '../parts/chips.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { useUrlState } from '../parts/use-url-state.ts';
import { BandTable } from './band-table.tsx';
import { PlanList } from './plan-list.tsx';

type Tab = 'bands' | 'plans';

/** What an owner decides over everyone's prices: control bands and commission plans. */
export function ControlsPage() {
  const { t } = useTranslation();
  const { may } = useViewer();
  const [tab, setTab] = useUrlState<Tab>('tab', 'bands');
  return (
    <>
      <PageHead title={t('place.controls')} summary={t(`controls.lead.${tab}`)} />
      <div className="filter">
        <Chips
          label={t('place.controls')}
          value={tab}
          onChange={setTab}
          options={(['bands', 'plans'] as const).map((value) => ({ value, label: t(`controls.tab.${value}`) }))}
        />
      </div>
      {tab === 'bands' ? <BandTable manage={may('PRICES_MANAGE')} /> : <PlanList manage={may('PRICES_MANAGE')} />}
    </>
  );
}
