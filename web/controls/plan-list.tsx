import { App, Button, Input, InputNumber, Radio } from 'antd';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation, useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  CommissionPlansDocument,
  type CommissionPoolKind,
  type PlanPartsFragment,
  PlanPartsFragmentDoc,
  SetCommissionPlanDocument,
} from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Field } from '../parts/field.tsx';
import { type Goods, GoodsField, goodsIds } from '../parts/goods-select.tsx';
import { Icon } from '../parts/icon.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { Empty, Failure, RowsSkeleton } from '../parts/states.tsx';
import { When } from '../parts/when.tsx';
import { withoutZeros } from '../prices/rule-words.ts';

const levelCount = 3;

/** Commission plans in force: what is shared of a sale, and how it is split by distance above the buyer. */
export function PlanList({ manage }: { manage: boolean }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const [{ data, fetching, error }, refetch] = useQuery({ query: CommissionPlansDocument, requestPolicy: 'cache-and-network' });
  const [editing, setEditing] = useState<PlanPartsFragment | 'new' | null>(null);
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (!data) return fetching ? <RowsSkeleton rows={4} columns={4} /> : null;
  const plans = unmask(PlanPartsFragmentDoc, data.commissionPlans);
  const add = manage && (
    <Button icon={<Icon name="plus" size={16} />} onClick={() => setEditing('new')}>
      {t('controls.addPlan')}
    </Button>
  );
  const change = (plan: PlanPartsFragment) =>
    manage && (
      <Button size="small" onClick={() => setEditing(plan)} aria-label={`${t('controls.changePlan')} ${planGoods(plan, t)}`}>
        {t('controls.changePlan')}
      </Button>
    );
  const shares = (plan: PlanPartsFragment) =>
    plan.shareBps.map((bps, index) => t('controls.share', { level: index + 1, percent: bps / 100 })).join(' · ');
  return (
    <>
      <div className="section-action">{plans.length > 0 && add}</div>
      {plans.length === 0 ? (
        <Empty icon="scale" title={t('controls.noPlans')} help={t('controls.noPlansHelp')} action={add} />
      ) : (
        <DataTable
          label={t('controls.tab.plans')}
          rows={plans}
          rowKey={(plan) => plan.id}
          columns={[
            { key: 'goods', title: t('prices.goods'), render: (plan) => planGoods(plan, t) },
            { key: 'pool', title: t('controls.pool'), render: (plan) => <strong>{poolText(plan, currency, t)}</strong> },
            { key: 'shares', title: t('controls.shares'), render: shares },
            { key: 'since', title: t('prices.since'), align: 'right', wide: true, render: (plan) => <When at={plan.validFrom} /> },
            {
              key: 'change',
              title: <span className="sr-only">{t('controls.changePlan')}</span>,
              align: 'right',
              width: 96,
              render: change,
            },
          ]}
          phone={(plan) => (
            <>
              <div className="row-line">
                <span>{planGoods(plan, t)}</span>
                <strong>{poolText(plan, currency, t)}</strong>
              </div>
              <div className="row-line soft">
                <span>{shares(plan)}</span>
                {change(plan)}
              </div>
            </>
          )}
        />
      )}
      {editing && (
        <PlanSheet
          plan={editing === 'new' ? null : editing}
          close={() => setEditing(null)}
          done={() => refetch({ requestPolicy: 'network-only' })}
        />
      )}
    </>
  );
}

function PlanSheet({ plan, close, done }: { plan: PlanPartsFragment | null; close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { message } = App.useApp();
  const [goods, setGoods] = useState<Goods>(plan ? goodsOf(plan) : { kind: 'category', id: null });
  const [poolKind, setPoolKind] = useState<CommissionPoolKind>(plan?.poolKind ?? 'PERCENT');
  const [poolValue, setPoolValue] = useState(plan ? withoutZeros(plan.poolValue) : '');
  const [shares, setShares] = useState<number[]>(() => Array.from({ length: levelCount }, (_, index) => plan?.shareBps[index] ?? 0));
  const [reason, setReason] = useState('');
  const [version, setVersion] = useState(plan?.version ?? null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [{ fetching, error }, setPlan] = useMutation(SetCommissionPlanDocument);
  const sum = shares.reduce((all, bps) => all + bps, 0);
  const ready = isAmount(poolValue, 4) && sum > 0 && sum <= 10_000 && goods.id !== null;
  const submit = async () => {
    setRefusal(null);
    const last = shares.findLastIndex((bps) => bps > 0);
    const answer = (
      await setPlan({
        input: {
          ...goodsIds(goods),
          poolKind,
          poolValue,
          shareBps: shares.slice(0, last + 1),
          reason: reason.trim() || null,
          expectedVersion: version,
        },
      })
    ).data?.setCommissionPlan;
    if (!answer) return;
    if (answer.__typename === 'CommissionPlanSet') {
      void message.success(t('saved'));
      done();
      return close();
    }
    if (answer.__typename === 'StaleVersion' && answer.current.__typename === 'CommissionPlan')
      setVersion(unmask(PlanPartsFragmentDoc, answer.current).version);
    setRefusal(answer);
  };
  return (
    <Sheet
      title={plan ? t('controls.changePlan') : t('controls.addPlan')}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={fetching} run={submit}>
          {t('controls.savePlan')}
        </SheetAction>
      }
    >
      {plan ? (
        <p>{planGoods(plan, t)}</p>
      ) : (
        <Field label={t('prices.goods')}>{(id) => <GoodsField id={id} value={goods} onChange={setGoods} everything={false} />}</Field>
      )}
      <div className="field">
        <span className="field-label">{t('controls.poolKind')}</span>
        <Radio.Group aria-label={t('controls.poolKind')} value={poolKind} onChange={(event) => setPoolKind(event.target.value)}>
          <Radio value="PERCENT">{t('poolKind.PERCENT')}</Radio>
          <Radio value="PER_UNIT">{t('poolKind.PER_UNIT')}</Radio>
        </Radio.Group>
      </div>
      <Field label={t('controls.pool')}>
        {(id) => (
          <AmountInput
            id={id}
            value={poolValue}
            onChange={setPoolValue}
            decimals={4}
            {...(poolKind === 'PERCENT' ? { suffix: '%' } : { currency })}
          />
        )}
      </Field>
      <div className="field-row">
        {shares.map((bps, index) => (
          <Field key={index} label={t('controls.level', { level: index + 1 })}>
            {(id) => (
              <InputNumber
                id={id}
                className="full"
                min={0}
                max={100}
                step={5}
                precision={2}
                suffix="%"
                value={bps / 100}
                onChange={(percent) => setShares((all) => all.with(index, Math.round((percent ?? 0) * 100)))}
              />
            )}
          </Field>
        ))}
      </div>
      <p className={sum > 10_000 ? 'field-wrong' : 'soft'}>{t('controls.sharesHelp', { percent: sum / 100 })}</p>
      <Field label={t('reason')}>
        {(id) => <Input id={id} maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}

function goodsOf(plan: PlanPartsFragment): Goods {
  if (plan.sku) return { kind: 'sku', id: plan.sku.id };
  if (plan.product) return { kind: 'product', id: plan.product.id };
  return { kind: 'category', id: plan.category?.id ?? null };
}

function planGoods(plan: PlanPartsFragment, t: TFunction): string {
  if (plan.sku) return `${plan.sku.product.name} ${plan.sku.name}`;
  return plan.product?.name ?? plan.category?.name ?? t('prices.everything');
}

function poolText(plan: PlanPartsFragment, currency: string, t: TFunction): string {
  if (plan.poolKind === 'PERCENT') return t('controls.poolPercent', { percent: withoutZeros(plan.poolValue) });
  return t('controls.poolPerUnit', { amount: amountText({ amount: plan.poolValue, currency }) });
}
