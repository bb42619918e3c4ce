import { Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { currencyMark } from './amounts.ts';

/** Whether a text is an amount above zero with at most `decimals` decimals. */
export function isAmount(text: string, decimals = 2): boolean {
  return new RegExp(`^\\d{1,12}(\\.\\d{1,${decimals}})?$`).test(text) && /[1-9]/.test(text);
}

/** A field for an amount: its currency before it, kept as text, judged when it is left. */
export function AmountInput(props: {
  id: string;
  value: string;
  onChange: (value: string) => void;
  currency?: string;
  suffix?: string;
  decimals?: number;
  optional?: boolean;
}) {
  const { t } = useTranslation();
  const [left, setLeft] = useState(false);
  const empty = props.value === '';
  const wrong =
    left && !(empty && props.optional) && !isAmount(props.value, props.decimals) && !(props.optional && /^0(\.0+)?$/.test(props.value));
  return (
    <>
      <Input
        id={props.id}
        className="amount-input"
        inputMode="decimal"
        autoComplete="off"
        prefix={props.currency ? <span className="money-mark">{currencyMark(props.currency)}</span> : undefined}
        suffix={props.suffix}
        status={wrong ? 'error' : ''}
        aria-invalid={wrong}
        aria-describedby={wrong ? `${props.id}-wrong` : undefined}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value.replace(/[,，\s]/g, '').replace('。', '.'))}
        onBlur={() => setLeft(true)}
      />
      {wrong && (
        <span className="field-wrong" id={`${props.id}-wrong`}>
          {t('amount.wrong', { decimals: props.decimals ?? 2 })}
        </span>
      )}
    </>
  );
}
