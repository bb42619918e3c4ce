import { App, Button, Input, Switch } from 'antd';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type LotDetailsFragment,
  LotRowFragmentDoc,
  type RuleOfStockFragment,
  RuleOfStockFragmentDoc,
  SetReplenishmentRuleDocument,
} from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { amountText } from '../parts/amounts.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** How the stock of a lot's SKU is bought by itself, in a sentence, and the way to change that. */
export function ReplenishmentRule({ lot, changed }: { lot: LotDetailsFragment; changed: () => void }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const [editing, setEditing] = useState(false);
  const row = unmask(LotRowFragmentDoc, lot);
  const rule = lot.sku.replenishmentRule ? unmask(RuleOfStockFragmentDoc, lot.sku.replenishmentRule) : null;
  if (!may('SUPPLY_READ')) return null;
  return (
    <section>
      <h3>{t('replenish.rule')}</h3>
      <p className="row-line">
        <span className="soft">{sentenceOf(rule, t)}</span>
        {may('SUPPLY_MANAGE') && (
          <Button size="small" onClick={() => setEditing(true)}>
            {t('replenish.set')}
          </Button>
        )}
      </p>
      {editing && <RuleSheet skuId={row.sku.id} name={row.sku.name} rule={rule} close={() => setEditing(false)} changed={changed} />}
    </section>
  );
}

function sentenceOf(rule: RuleOfStockFragment | null, t: TFunction<'supply'>): string {
  if (!rule) return t('replenish.noRule');
  if (!rule.isEnabled) return t('replenish.ruleOff');
  const below = typeof rule.thresholdCount === 'number' ? String(rule.thresholdCount) : t('lot.days', { count: rule.thresholdDays ?? 0 });
  return `${t('replenish.ruleOn', { below, target: rule.targetCount })} · ${t('replenish.spent', { spent: amountText(rule.spentToday) })}`;
}

const counts = ['thresholdCount', 'thresholdDays', 'targetCount'] as const;
const amounts = ['dailyBudget', 'approvalLimit'] as const;
type Props = { skuId: string; name: string; rule: RuleOfStockFragment | null; close: () => void; changed: () => void };

function RuleSheet({ skuId, name, rule, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const { currency } = useViewer();
  const [isEnabled, setEnabled] = useState(rule?.isEnabled ?? true);
  const [lines, setLines] = useState({
    thresholdCount: String(rule?.thresholdCount ?? ''),
    thresholdDays: String(rule?.thresholdDays ?? ''),
    targetCount: String(rule?.targetCount ?? ''),
    dailyBudget: rule?.dailyBudget.amount ?? '',
    approvalLimit: rule?.approvalLimit.amount ?? '',
  });
  const set = useAction(SetReplenishmentRuleDocument, (data) => data.setReplenishmentRule, 'ReplenishmentRuleSet');
  const setLine = (line: keyof typeof lines, value: string) => setLines((before) => ({ ...before, [line]: value }));
  const ready =
    /^\d{1,7}$/.test(lines.targetCount) &&
    (lines.thresholdCount !== '' || lines.thresholdDays !== '') &&
    [lines.thresholdCount, lines.thresholdDays].every((text) => /^\d{0,7}$/.test(text)) &&
    isAmount(lines.dailyBudget) &&
    (isAmount(lines.approvalLimit) || /^0(\.0+)?$/.test(lines.approvalLimit));
  const submit = async () => {
    const input = {
      skuId,
      isEnabled,
      targetCount: Number(lines.targetCount),
      thresholdCount: lines.thresholdCount === '' ? null : Number(lines.thresholdCount),
      thresholdDays: lines.thresholdDays === '' ? null : Number(lines.thresholdDays),
      dailyBudget: lines.dailyBudget,
      approvalLimit: lines.approvalLimit,
      expectedVersion: rule?.version ?? null,
    };
    if (!(await set.run({ input }))) return;
    void message.success(t('saved'));
    changed();
    close();
  };
  return (
    <Sheet
      title={t('replenish.ruleTitle', { name })}
      close={close}
      footer={
        <SheetAction disabled={!ready} busy={set.busy} run={submit}>
          {t('replenish.save')}
        </SheetAction>
      }
    >
      {counts.map((line) => (
        <Field key={line} label={t(`replenish.${line}`)}>
          {(id) => <Input id={id} inputMode="numeric" value={lines[line]} onChange={(event) => setLine(line, event.target.value.trim())} />}
        </Field>
      ))}
      {amounts.map((line) => (
        <Field key={line} label={t(`replenish.${line}`)}>
          {(id) => <AmountInput id={id} value={lines[line]} onChange={(value) => setLine(line, value)} currency={currency} optional />}
        </Field>
      ))}
      <label className="switch-line">
        <Switch checked={isEnabled} onChange={setEnabled} aria-label={t('replenish.isEnabled')} /> {t('replenish.isEnabled')}
      </label>
      {set.note}
    </Sheet>
  );
}
