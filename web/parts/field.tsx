import { type ReactNode, useId } from 'react';

/** A form field: its label above, its help below. */
export function Field({ label, help, children }: { label: string; help?: string | undefined; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {help && <span className="field-help">{help}</span>}
    </div>
  );
}
