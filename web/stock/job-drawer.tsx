import { Alert, Progress } from 'antd';
import { useEffect, useEffectEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useOutletContext, useParams } from 'react-router';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import { ImportJobByIdDocument, type JobPartsFragment, JobPartsFragmentDoc } from '../gql/graphql.ts';
import { countText } from '../parts/amounts.ts';
import { DataTable } from '../parts/data-table.tsx';
import { DetailDrawer } from '../parts/detail-drawer.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { JobStatus } from '../parts/status.tsx';
import { When } from '../parts/when.tsx';

const pollMs = 1_000;

/** An import as it runs: how far it is, what came in, and which lines did not and why. */
export function JobDrawer() {
  const { t } = useTranslation();
  const { jobId = '' } = useParams();
  const refreshLots = useOutletContext<() => void>();
  const [{ data, fetching, error }, refetch] = useQuery({
    query: ImportJobByIdDocument,
    variables: { id: jobId },
    requestPolicy: 'cache-and-network',
  });
  const job = data?.node?.__typename === 'ImportJob' ? unmask(JobPartsFragmentDoc, data.node) : null;
  const state = job?.jobState;
  const listAgain = useEffectEvent(refreshLots);
  const running = job?.jobState === 'PENDING' || job?.jobState === 'RUNNING';

  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => refetch({ requestPolicy: 'network-only' }), pollMs);
    return () => clearInterval(timer);
  }, [running, refetch]);
  useEffect(() => {
    if (state === 'DONE') listAgain();
  }, [state]);
  return (
    <DetailDrawer title={t('job.title')} parent="/stock">
      {job ? (
        <JobBody job={job} />
      ) : error ? (
        <Failure error={error} retry={refetch} />
      ) : fetching ? (
        <RowsSkeleton rows={4} columns={2} />
      ) : (
        <Empty title={t('job.none')} />
      )}
    </DetailDrawer>
  );
}

function JobBody({ job }: { job: JobPartsFragment }) {
  const { t } = useTranslation();
  const words = (problem: { code: string; message: string }) =>
    t(`importProblem.${problem.code}` as 'importProblem.MALFORMED', { defaultValue: problem.message });
  const done = job.importedCount + job.duplicateCount + job.problems.length;
  const percent = job.jobState === 'DONE' ? 100 : job.lineCount === 0 ? 0 : Math.min(99, Math.floor((done / job.lineCount) * 100));
  return (
    <article className="details-body">
      <header>
        <h2>
          {job.sku.product.name} {job.sku.name}
        </h2>
        <p className="details-lead">
          <JobStatus state={job.jobState} /> · <When at={job.createdAt} />
        </p>
      </header>
      <Progress
        percent={percent}
        status={job.jobState === 'FAILED' ? 'exception' : job.jobState === 'DONE' ? 'success' : 'active'}
        aria-label={t('job.progress')}
      />
      <dl className="pairs">
        <dt>{t('job.lines')}</dt>
        <dd>{countText(job.lineCount)}</dd>
        <dt>{t('job.imported')}</dt>
        <dd>{countText(job.importedCount)}</dd>
        <dt>{t('job.duplicates')}</dt>
        <dd>{countText(job.duplicateCount)}</dd>
      </dl>
      {job.failure && <Alert type="error" role="alert" title={t('job.failed')} description={job.failure} />}
      {job.problems.length > 0 && (
        <section>
          <h3>{t('job.problems')}</h3>
          <DataTable
            dense
            label={t('job.problems')}
            rows={job.problems}
            rowKey={(problem) => String(problem.line)}
            columns={[
              { key: 'line', title: t('job.line'), align: 'right', width: 70, render: (problem) => countText(problem.line) },
              { key: 'what', title: t('job.what'), render: words },
            ]}
            phone={(problem) => (
              <div className="row-line">
                <span className="soft">{countText(problem.line)}</span>
                <span>{words(problem)}</span>
              </div>
            )}
          />
        </section>
      )}
    </article>
  );
}
