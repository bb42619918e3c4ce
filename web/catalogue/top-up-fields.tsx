import { Input, Select } from 'antd';
import { useTranslation } from 'react-i18next';
import type { TopUpFieldFragment } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';

/** What was typed so far, by the names of the fields. */
export type Typed = Readonly<Record<string, string>>;

/** What a direct top-up asks its buyer for, each field with the keyboard that suits it. */
export function TopUpFields({
  fields,
  typed,
  disabled,
  onChange,
}: {
  fields: readonly TopUpFieldFragment[];
  typed: Typed;
  disabled: boolean;
  onChange: (typed: Typed) => void;
}) {
  return fields.map((field) => (
    <TopUpField
      key={field.name}
      field={field}
      value={typed[field.name] ?? ''}
      disabled={disabled}
      onChange={(value) => onChange({ ...typed, [field.name]: value })}
    />
  ));
}

/** Whether something stands in every field that must be filled in; what stands there is judged by the server. */
export function isFilledIn(fields: readonly TopUpFieldFragment[], typed: Typed): boolean {
  return fields.every(({ name, isRequired }) => !isRequired || (typed[name] ?? '').trim() !== '');
}

/** The input of an order: what was typed, without what was left empty. */
export function inputOf(fields: readonly TopUpFieldFragment[], typed: Typed): { name: string; value: string }[] {
  return fields.flatMap(({ name }) => {
    const value = (typed[name] ?? '').trim();
    return value === '' ? [] : [{ name, value }];
  });
}

const NUMERIC: readonly string[] = ['PHONE', 'QQ', 'NUMBER'];

function TopUpField({
  field,
  value,
  disabled,
  onChange,
}: {
  field: TopUpFieldFragment;
  value: string;
  disabled: boolean;
  onChange: (value: string) => void;
}) {
  const { t } = useTranslation();
  const label = field.isRequired ? field.label : t('buy.optional', { field: field.label });
  return (
    <Field label={label} help={field.hint || undefined}>
      {(id) =>
        field.options.length > 0 ? (
          <Select
            id={id}
            size="large"
            value={value || undefined}
            disabled={disabled}
            showSearch={{ optionFilterProp: 'label' }}
            options={field.options.map((option) => ({ value: option.value, label: option.label }))}
            onChange={(next: string) => onChange(next)}
          />
        ) : (
          <Input
            id={id}
            size="large"
            value={value}
            disabled={disabled}
            inputMode={NUMERIC.includes(field.kind) ? 'numeric' : field.kind === 'EMAIL' ? 'email' : 'text'}
            autoComplete="off"
            maxLength={500}
            onChange={({ target }) => onChange(target.value)}
          />
        )
      }
    </Field>
  );
}
