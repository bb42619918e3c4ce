import { Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type AttemptDetailsFragment,
  AttemptRowFragmentDoc,
  OpenPurchaseLogDocument,
  type OpenPurchaseLogMutation,
} from '../gql/graphql.ts';
import { useAction } from '../parts/use-action.tsx';
import { When } from '../parts/when.tsx';

type Call = Extract<OpenPurchaseLogMutation['openPurchaseLog'], { __typename: 'PurchaseLogOpened' }>['calls'][number];

const marks: Record<string, string> = { SUCCEEDED: 'good', REJECTED: 'bad', UNKNOWN: 'warn', NOT_FOUND: 'warn' };

/** What was done and answered, oldest first: a line of time. What went over the wire is opened on purpose, and that is recorded. */
export function AttemptSteps({ attempt }: { attempt: AttemptDetailsFragment }) {
  const { t, i18n } = useTranslation('supply');
  const { may, party } = useViewer();
  const row = unmask(AttemptRowFragmentDoc, attempt);
  const [calls, setCalls] = useState<readonly Call[] | null>(null);
  const open = useAction(OpenPurchaseLogDocument, (data) => data.openPurchaseLog, 'PurchaseLogOpened');
  const { steps } = attempt;
  if (steps.length === 0) return <p className="soft">{t('attempts.noSteps')}</p>;
  const wordOf = (outcome: string) => {
    if (i18n.exists(`stepOutcome.${outcome}`, { ns: 'supply' })) return t(`stepOutcome.${outcome as 'PENDING'}`);
    return i18n.exists(`attention.${outcome}`, { ns: 'supply' }) ? t(`attention.${outcome as 'MANUAL'}`) : outcome;
  };
  const mayOpen = may('SUPPLY_MANAGE') && party?.kind !== 'SUPPLIER' && steps.some((step) => step.hasWire);
  const show = async () => setCalls((await open.run({ input: { purchaseAttemptId: row.id } }))?.calls ?? null);
  return (
    <>
      <ol className="timeline">
        {steps.map((step, index) => (
          <li key={`${step.at} ${index}`} className={marks[step.outcome] ?? ''}>
            <div className="row-line">
              <b>{t(`step.${step.kind}`)}</b>
              <span className="soft">
                <When at={step.at} />
              </span>
            </div>
            <p className="soft">
              {[wordOf(step.outcome), step.status, typeof step.durationMs === 'number' && `${step.durationMs} ms`]
                .filter(Boolean)
                .join(' · ')}
            </p>
            {step.message && <p className="timeline-message">{step.message}</p>}
          </li>
        ))}
      </ol>
      {mayOpen && !calls && (
        <p>
          <Button size="small" loading={open.busy} onClick={() => void show()}>
            {t('attempts.wire')}
          </Button>{' '}
          <span className="soft">{t('attempts.wireHelp')}</span>
        </p>
      )}
      {open.note}
      {calls?.map((call, index) => (
        <Wire key={`${call.at} ${index}`} call={call} />
      ))}
    </>
  );
}

function Wire({ call }: { call: Call }) {
  const { t } = useTranslation('supply');
  return (
    <figure className="call">
      <figcaption className="row-line">
        <code className="row-clip">{call.url}</code>
        <span className="soft">
          {call.status ?? '—'} · {call.durationMs} ms
        </span>
      </figcaption>
      <pre className="wire" tabIndex={0} aria-label={t('attempts.request')}>
        {call.request}
      </pre>
      {call.answer && (
        <pre className="wire" tabIndex={0} aria-label={t('attempts.answer')}>
          {call.answer}
        </pre>
      )}
    </figure>
  );
}
