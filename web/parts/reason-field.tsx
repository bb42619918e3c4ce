import { Input } from 'antd';
import { useTranslation } from 'react-i18next';
import { Field } from './field.tsx';

/** Why something is done, in the person's own words; kept with it. */
export function ReasonField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  return (
    <Field label={t('reason')}>
      {(id) => <Input.TextArea id={id} rows={2} maxLength={500} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}
