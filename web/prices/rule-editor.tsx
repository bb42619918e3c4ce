import { Button, Input, Select } from 'antd';
import type { TFunction } from 'i18next';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { unmask } from '../gql/fragment-masking.ts';
import { type MarkupKind, type PriceRowFragment, RulePartsFragmentDoc } from '../gql/graphql.ts';
import { currencyMark } from '../parts/amounts.ts';
import { Icon } from '../parts/icon.tsx';
import { markupText, withoutZeros } from './rule-words.ts';
import type { Target } from './use-target.ts';

/** A change of one SKU's rule that has not been saved. `value` null takes the SKU's own rule away. */
export type RuleDraft = {
  skuId: string;
  name: string;
  kind: MarkupKind;
  value: string | null;
  before: string | null;
  ownRule: { id: string; version: number } | null;
};

/** A draft in words. */
export function draftText(draft: RuleDraft, currency: string, t: TFunction): string {
  return draft.value === null ? t('prices.removed') : markupText(draft.kind, draft.value, currency);
}

/** The rule of one SKU for the chosen target, edited in its row: enter keeps it, escape leaves it. */
export function RuleEditor(props: {
  row: PriceRowFragment;
  target: Target;
  draft: RuleDraft | undefined;
  keep: (draft: RuleDraft) => void;
  cancel: () => void;
}) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { row, target, draft } = props;
  const rule = row.rule ? unmask(RulePartsFragmentDoc, row.rule) : null;
  const own =
    rule && rule.sku?.id === row.sku.id && (rule.child?.id ?? null) === target.childId && (rule.level?.id ?? null) === target.levelId
      ? rule
      : null;
  const [kind, setKind] = useState<MarkupKind>(draft?.kind ?? rule?.kind ?? 'PERCENT');
  const [value, setValue] = useState(draft?.value ?? (rule ? withoutZeros(rule.value) : ''));
  const valid = /^\d{1,9}(\.\d{1,4})?$/.test(value);
  const made = (next: string | null): RuleDraft => ({
    skuId: row.sku.id,
    name: `${row.sku.product.name} ${row.sku.name}`,
    kind,
    value: next,
    before: rule ? markupText(rule.kind, rule.value, currency) : null,
    ownRule: own ? { id: own.id, version: own.version } : null,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) props.keep(made(value));
  };
  return (
    <form className="rule-editor" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && props.cancel()}>
      <Select<MarkupKind>
        size="small"
        aria-label={t('prices.kind')}
        value={kind}
        onChange={setKind}
        options={(['PERCENT', 'FIXED', 'PRICE'] as const).map((one) => ({ value: one, label: t(`markupKind.${one}`) }))}
      />
      <Input
        size="small"
        autoFocus
        inputMode="decimal"
        aria-label={t('prices.value')}
        status={value && !valid ? 'error' : ''}
        prefix={kind === 'PERCENT' ? undefined : currencyMark(currency)}
        suffix={kind === 'PERCENT' ? '%' : undefined}
        value={value}
        onChange={(event) => setValue(event.target.value.trim())}
      />
      <Button
        size="small"
        type="text"
        htmlType="submit"
        disabled={!valid}
        aria-label={t('prices.keep')}
        icon={<Icon name="check" size={16} />}
      />
      {own && (
        <Button
          size="small"
          type="text"
          aria-label={t('prices.remove')}
          title={t('prices.remove')}
          icon={<Icon name="refund" size={16} />}
          onClick={() => props.keep(made(null))}
        />
      )}
      <Button size="small" type="text" aria-label={t('cancel')} icon={<Icon name="close" size={16} />} onClick={props.cancel} />
    </form>
  );
}
