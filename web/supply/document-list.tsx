import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { DocumentRowFragment } from '../gql/graphql.ts';
import { Icon } from '../parts/icon.tsx';
import { Status, type Tone } from '../parts/status.tsx';
import { dayText } from '../parts/when.tsx';

const tones: Record<DocumentRowFragment['state'], Tone> = {
  PENDING: 'busy',
  APPROVED: 'good',
  REJECTED: 'bad',
  SUPERSEDED: 'quiet',
  WITHDRAWN: 'quiet',
};
/** So many days before its end a document is coloured. */
const soonDays = 30;

/** How a document stands; one that holds is said to end when it soon does. */
export function DocumentStatus({ row }: { row: Pick<DocumentRowFragment, 'state' | 'daysLeft'> }) {
  const { t } = useTranslation('supply');
  const left = row.state === 'APPROVED' ? row.daysLeft : null;
  if (left === null || left === undefined || left > soonDays)
    return <Status tone={tones[row.state]}>{t(`documentState.${row.state}`)}</Status>;
  if (left < 0) return <Status tone="bad">{t('documents.expired')}</Status>;
  return <Status tone="warn">{t('documents.daysLeft', { count: left })}</Status>;
}

/** Whether a document needs a hand: sent back, without a file, or soon at its end. */
export function needsLook({ state, file, daysLeft }: DocumentRowFragment): boolean {
  return state === 'REJECTED' || file === null || (state === 'APPROVED' && typeof daysLeft === 'number' && daysLeft <= soonDays);
}

/** What a supplier may show: each with its number, its days, its file, and what can be done with it. */
export function DocumentList({ rows, action }: { rows: readonly DocumentRowFragment[]; action: (row: DocumentRowFragment) => ReactNode }) {
  const { t, i18n } = useTranslation('supply');
  if (rows.length === 0) return <p className="soft">{t('documents.none')}</p>;
  const days = (row: DocumentRowFragment) =>
    row.expiresOn ? t('documents.until', { day: dayText(row.expiresOn, i18n.language) }) : t('documents.forEver');
  const covers = (row: DocumentRowFragment) => [...row.categories.map(({ name }) => name), ...row.brands].join(t('comma'));
  return (
    <ul className="documents">
      {rows.map((row) => (
        <li key={row.id}>
          <span className="document-mark">
            <Icon name="log" size={20} />
          </span>
          <div className="document-words">
            <div className="row-line">
              <b>{t(`documentType.${row.type}`)}</b>
              <DocumentStatus row={row} />
            </div>
            <p className="soft">{[row.number, days(row), covers(row)].filter(Boolean).join(' · ')}</p>
            {row.reviewReason && <p className="quote">{row.reviewReason}</p>}
            <div className="document-actions">{action(row)}</div>
          </div>
        </li>
      ))}
    </ul>
  );
}
