import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { DocumentRowFragmentDoc, SupplierMoneyFragmentDoc, SupplierRowFragmentDoc } from '../gql/graphql.ts';
import { PageHead } from '../parts/page-head.tsx';
import { Bone, Failure } from '../parts/states.tsx';
import { DocumentFile } from '../supply/document-file.tsx';
import { DocumentList, needsLook } from '../supply/document-list.tsx';
import { PayableFigures, Upcoming } from '../supply/payables.tsx';
import { StandingMark } from '../supply/supplier-status.tsx';
import '../supply/supply.css';
import { useOwnSupplier } from './use-own-supplier.ts';

/** A supplier's home: what it is owed and when, what of its papers needs a hand. */
export function SupplierHome() {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const { supplier, error, refresh } = useOwnSupplier();
  const row = supplier && unmask(SupplierRowFragmentDoc, supplier);
  const money = supplier && unmask(SupplierMoneyFragmentDoc, supplier);
  const papers = supplier ? unmask(DocumentRowFragmentDoc, supplier.documents ?? []) : [];
  const urgent = papers.filter(needsLook);
  return (
    <>
      <PageHead title={party?.name ?? ''} summary={row ? <StandingMark standing={row.standing} /> : <Bone width={80} height={20} />} />
      {supplier?.standingReason && <p className="quote">{supplier.standingReason}</p>}
      {error && !supplier && <Failure error={error} retry={refresh} />}
      {money ? <PayableFigures money={money} /> : !error && <Bone height={96} />}
      {supplier && (
        <div className="desk-grid">
          {money && <Upcoming money={money} />}
          <section className="card">
            <h2 className="card-title">
              {t('documents.title')}
              <Link to="/documents">{t('all')}</Link>
            </h2>
            {urgent.length > 0 ? (
              <DocumentList rows={urgent} action={(one) => <DocumentFile row={one} />} />
            ) : (
              <p className="soft">{papers.length > 0 ? t('documents.inOrder', { count: papers.length }) : t('documents.noneHelp')}</p>
            )}
          </section>
        </div>
      )}
    </>
  );
}
