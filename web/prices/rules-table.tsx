import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { MarkupRulesDocument, RemoveMarkupRuleDocument, type RulePartsFragment, RulePartsFragmentDoc } from '../gql/graphql.ts';
import { DataTable, More } from '../parts/data-table.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { usePages } from '../parts/use-pages.ts';
import { When } from '../parts/when.tsx';
import { markupText, ruleBuyers, ruleGoods } from './rule-words.ts';

/** All markup rules in force, the wide ones too; each may be ended. */
export function RulesTable({ manage }: { manage: boolean }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const [ending, setEnding] = useState<RulePartsFragment | null>(null);
  const pages = usePages({ query: MarkupRulesDocument, variables: { first: 50 }, connection: (data) => data.markupRules });
  if (pages.error) return <Failure error={pages.error} retry={pages.refresh} />;
  if (pages.loading) return <RowsSkeleton rows={8} columns={5} />;
  if (pages.nodes.length === 0) return <Empty icon="tag" title={t('prices.noRules')} help={t('prices.noRulesHelp')} />;
  const end = (rule: RulePartsFragment) =>
    manage && (
      <Button size="small" onClick={() => setEnding(rule)} aria-label={`${t('prices.end')} ${ruleBuyers(rule, t)} ${ruleGoods(rule, t)}`}>
        {t('prices.end')}
      </Button>
    );
  const value = (rule: RulePartsFragment) => (
    <>
      <strong>{markupText(rule.kind, rule.value, currency)}</strong>
      {rule.breaks.map((one) => (
        <span key={one.minQuantity} className="soft">
          {' '}
          ≥{one.minQuantity} {markupText(rule.kind, one.value, currency)}
        </span>
      ))}
    </>
  );
  return (
    <>
      <DataTable
        label={t('prices.rules')}
        rows={unmask(RulePartsFragmentDoc, pages.nodes)}
        rowKey={(rule) => rule.id}
        columns={[
          { key: 'goods', title: t('prices.goods'), render: (rule) => ruleGoods(rule, t) },
          { key: 'buyers', title: t('prices.for'), render: (rule) => ruleBuyers(rule, t) },
          { key: 'value', title: t('prices.rule'), render: value },
          {
            key: 'inversion',
            title: t('prices.inversion'),
            wide: true,
            render: (rule) => <span className="soft">{rule.kind === 'PRICE' ? t(`inversion.${rule.inversion}`) : '—'}</span>,
          },
          { key: 'reason', title: t('reason'), wide: true, render: (rule) => <span className="soft">{rule.reason || '—'}</span> },
          { key: 'since', title: t('prices.since'), align: 'right', render: (rule) => <When at={rule.validFrom} /> },
          { key: 'end', title: <span className="sr-only">{t('prices.end')}</span>, align: 'right', render: end },
        ]}
        phone={(rule) => (
          <>
            <div className="row-line">
              <span className="row-clip">{ruleGoods(rule, t)}</span>
              <span>{value(rule)}</span>
            </div>
            <div className="row-line soft">
              <span>{ruleBuyers(rule, t)}</span>
              {end(rule)}
            </div>
          </>
        )}
      />
      <More hasMore={pages.hasMore} loading={pages.loadingMore} load={pages.loadMore} />
      {ending && <EndRuleSheet rule={ending} close={() => setEnding(null)} done={pages.refresh} />}
    </>
  );
}

function EndRuleSheet({ rule, close, done }: { rule: RulePartsFragment; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { message } = App.useApp();
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, remove] = useMutation(RemoveMarkupRuleDocument);
  const submit = async () => {
    const answer = (await remove({ input: { ruleId: rule.id, expectedVersion: rule.version } })).data?.removeMarkupRule;
    if (!answer) return;
    if (answer.__typename !== 'MarkupRuleRemoved') return setRefusal(answer);
    void message.success(t('saved'));
    done();
    close();
  };
  return (
    <Sheet
      title={t('prices.endTitle')}
      close={close}
      footer={
        <SheetAction danger busy={fetching} run={submit}>
          {t('prices.endConfirm')}
        </SheetAction>
      }
    >
      <p>
        {t('prices.endHelp', { rule: markupText(rule.kind, rule.value, currency), goods: ruleGoods(rule, t), buyers: ruleBuyers(rule, t) })}
      </p>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
