import type { ReactNode } from 'react';
import type { Amount } from './amounts.ts';
import { Money } from './money.tsx';

/** A figure with its name above and a note below; the first of a row is the larger one. */
export function Figure({ label, value, note, large }: { label: string; value: Amount; note?: ReactNode; large?: boolean }) {
  return (
    <section className={large ? 'figure-card first' : 'figure-card'}>
      <h2>{label}</h2>
      <Money value={value} size="large" />
      {note && <p className="soft">{note}</p>}
    </section>
  );
}
