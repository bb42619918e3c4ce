import { App, Button, Input, InputNumber, Radio, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import {
  type InversionPolicy,
  type MarkupKind,
  type RulePartsFragment,
  RulePartsFragmentDoc,
  SetMarkupRuleDocument,
} from '../gql/graphql.ts';
import { AmountInput } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { type Goods, GoodsField, goodsIds } from '../parts/goods-select.tsx';
import { Icon } from '../parts/icon.tsx';
import { ActionFailure, type Refusal, RefusalNote } from '../parts/refusal.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { markupText } from './rule-words.ts';
import { useTarget } from './use-target.ts';

type Break = { minQuantity: number | null; value: string };

/** A new markup rule for everyone, a level or a child, over everything or less, with breaks by quantity. */
export function RuleSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { message } = App.useApp();
  const { target, chosen, choose, groups } = useTarget();
  const [goods, setGoods] = useState<Goods>({ kind: 'all', id: null });
  const [kind, setKind] = useState<MarkupKind>('PERCENT');
  const [value, setValue] = useState('');
  const [breaks, setBreaks] = useState<Break[]>([]);
  const [inversion, setInversion] = useState<InversionPolicy>('HIDE');
  const [reason, setReason] = useState('');
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [stale, setStale] = useState<RulePartsFragment | null>(null);
  const [{ fetching, error }, setRule] = useMutation(SetMarkupRuleDocument);
  const decimal = /^\d{1,9}(\.\d{1,4})?$/;
  const ready =
    decimal.test(value) &&
    (goods.kind === 'all' || goods.id !== null) &&
    breaks.every((one) => one.minQuantity !== null && decimal.test(one.value));
  const unit = kind === 'PERCENT' ? { suffix: '%' } : { currency };

  const submit = async () => {
    setRefusal(null);
    const { data } = await setRule({
      input: {
        childId: target.childId,
        levelId: target.levelId,
        ...goodsIds(goods),
        kind,
        value,
        breaks: breaks.map((one) => ({ minQuantity: one.minQuantity ?? 1, value: one.value })),
        inversion: kind === 'PRICE' ? inversion : null,
        reason: reason.trim() || null,
        expectedVersion: stale?.version ?? null,
      },
    });
    const answer = data?.setMarkupRule;
    if (!answer) return;
    if (answer.__typename === 'MarkupRuleSet') {
      void message.success(answer.clampedCount > 0 ? t('saveBar.savedClamped', { count: 1, clamped: answer.clampedCount }) : t('saved'));
      done();
      return close();
    }
    setStale(
      answer.__typename === 'StaleVersion' && answer.current.__typename === 'MarkupRule'
        ? unmask(RulePartsFragmentDoc, answer.current)
        : null,
    );
    setRefusal(answer);
  };
  return (
    <Sheet
      title={t('prices.addRule')}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={fetching} run={submit}>
          {stale ? t('prices.replace', { rule: markupText(stale.kind, stale.value, currency) }) : t('prices.saveRule')}
        </SheetAction>
      }
    >
      <Field label={t('prices.for')}>{(id) => <Select id={id} className="full" value={chosen} onChange={choose} options={groups} />}</Field>
      <Field label={t('prices.goods')}>{(id) => <GoodsField id={id} value={goods} onChange={setGoods} />}</Field>
      <div className="field-row">
        <Field label={t('prices.kind')}>
          {(id) => (
            <Select<MarkupKind>
              id={id}
              value={kind}
              onChange={setKind}
              options={(['PERCENT', 'FIXED', 'PRICE'] as const).map((one) => ({ value: one, label: t(`markupKind.${one}`) }))}
            />
          )}
        </Field>
        <Field label={t('prices.value')}>
          {(id) => <AmountInput id={id} value={value} onChange={setValue} decimals={4} optional {...unit} />}
        </Field>
      </div>
      <p className="soft">{t(`markupHelp.${kind}`)}</p>
      {breaks.map((one, index) => (
        <div className="field-row break-row" key={index}>
          <Field label={t('prices.from')}>
            {(id) => (
              <InputNumber
                id={id}
                min={1}
                precision={0}
                value={one.minQuantity}
                onChange={(minQuantity) => setBreaks((all) => all.with(index, { ...one, minQuantity }))}
              />
            )}
          </Field>
          <Field label={t('prices.value')}>
            {(id) => (
              <AmountInput
                id={id}
                value={one.value}
                decimals={4}
                optional
                onChange={(next) => setBreaks((all) => all.with(index, { ...one, value: next }))}
                {...unit}
              />
            )}
          </Field>
          <Button
            type="text"
            aria-label={t('prices.removeBreak')}
            icon={<Icon name="close" size={16} />}
            onClick={() => setBreaks((all) => all.filter((_, at) => at !== index))}
          />
        </div>
      ))}
      <Button
        type="dashed"
        icon={<Icon name="plus" size={14} />}
        onClick={() => setBreaks((all) => [...all, { minQuantity: null, value: '' }])}
      >
        {t('prices.addBreak')}
      </Button>
      {kind === 'PRICE' && (
        <div className="field">
          <span className="field-label">{t('prices.inversion')}</span>
          <Radio.Group aria-label={t('prices.inversion')} value={inversion} onChange={(event) => setInversion(event.target.value)}>
            <Radio value="HIDE">{t('inversion.HIDE')}</Radio>
            <Radio value="RAISE_TO_START">{t('inversion.RAISE_TO_START')}</Radio>
          </Radio.Group>
        </div>
      )}
      <Field label={t('reason')}>
        {(id) => <Input id={id} maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {refusal && <RefusalNote refusal={refusal} />}
      {error && <ActionFailure error={error} />}
    </Sheet>
  );
}
