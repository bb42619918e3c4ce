import { useTranslation } from 'react-i18next';
import { useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import { ListingByIdDocument, type ListingDetailsFragment, ListingDetailsFragmentDoc, ListingRowFragmentDoc } from '../gql/graphql.ts';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Share } from '../parts/share.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { When } from '../parts/when.tsx';
import { ListingActions } from './listing-actions.tsx';
import { CheckStatus, ListingStatus } from './listing-status.tsx';

/** One listing beside the list: what its checks found, what changed between its versions, and what a reviewer decides. */
export function ListingDrawer() {
  const { t } = useTranslation('supply');
  const { listingId = '' } = useParams();
  const refreshList = useOutletContext<(() => void) | null>();
  const [{ data, fetching, error }, retry] = useQuery({
    query: ListingByIdDocument,
    variables: { id: listingId },
    requestPolicy: 'cache-and-network',
  });
  const listing = data?.node?.__typename === 'Listing' ? unmask(ListingDetailsFragmentDoc, data.node) : null;
  const changed = () => {
    retry({ requestPolicy: 'network-only' });
    refreshList?.();
  };
  return (
    <DetailDrawer title={t('listings.title')} parent="/supply/listings" width={680}>
      {listing ? (
        <article className="details-body">
          <Head listing={listing} />
          <ListingActions listing={listing} changed={changed} />
          <Checks listing={listing} />
          <Versions listing={listing} />
        </article>
      ) : error ? (
        <Failure error={error} retry={retry} />
      ) : fetching ? (
        <RowsSkeleton rows={6} columns={2} />
      ) : (
        <Empty icon="search" title={t('listings.notThere')} help={t('order.noneHelp')} />
      )}
    </DetailDrawer>
  );
}

function Head({ listing }: { listing: ListingDetailsFragment }) {
  const { t } = useTranslation('supply');
  const row = unmask(ListingRowFragmentDoc, listing);
  return (
    <header>
      <h2>{row.title}</h2>
      <p className="details-lead">
        <ListingStatus row={row} /> · {row.owner?.name} · {t('listings.version', { number: row.number })}
      </p>
      {row.goLiveAt && (
        <p>
          {t('listings.goLive')} <When at={row.goLiveAt} />
        </p>
      )}
      {listing.decisionNote && <p className="quote">{listing.decisionNote}</p>}
    </header>
  );
}

function Checks({ listing }: { listing: ListingDetailsFragment }) {
  const { t } = useTranslation('supply');
  if (listing.checks.length === 0) return null;
  return (
    <section>
      <h3>{t('listings.checks')}</h3>
      <ul className="checks">
        {listing.checks.map((check) => (
          <li key={check.kind}>
            <div className="row-line">
              <b>{t(`listingCheck.${check.kind}`)}</b>
              <CheckStatus state={check.state} />
            </div>
            {check.kind === 'PRICE' && typeof check.marginBps === 'number' && (
              <p className="soft">
                {t('listings.margin')} <Share bps={check.marginBps} />
                {listing.marginReason && ` · ${listing.marginReason}`}
              </p>
            )}
            {check.needsPerson && <p className="soft">{t('listings.personHelp')}</p>}
            {check.problems.map((problem) => (
              <p key={`${problem.code} ${problem.field}`} className="quote">
                {problem.message}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What changed between versions, newest first: before and after, side by side. */
function Versions({ listing }: { listing: ListingDetailsFragment }) {
  const { t } = useTranslation('supply');
  if (listing.versions.length === 0) return null;
  return (
    <section>
      <h3>{t('listings.versions')}</h3>
      {listing.versions.map((version) => (
        <div key={version.number} className="version">
          <div className="row-line">
            <b>
              {t('listings.version', { number: version.number })}
              {!version.isReviewed && <span className="version-new">{t('listings.unseen')}</span>}
            </b>
            <span className="soft">
              <When at={version.createdAt} />
            </span>
          </div>
          {version.reason && <p className="soft">{version.reason}</p>}
          {version.changes.length > 0 && (
            <table className="changes">
              <thead>
                <tr>
                  <th scope="col">{t('listings.field')}</th>
                  <th scope="col">{t('listings.before')}</th>
                  <th scope="col">{t('listings.after')}</th>
                </tr>
              </thead>
              <tbody>
                {version.changes.map((change) => (
                  <tr key={change.field}>
                    <th scope="row">{change.field}</th>
                    <td className="was">{change.before ?? '—'}</td>
                    <td>{change.after ?? '—'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      ))}
    </section>
  );
}
