import { type ReactNode } from 'react';

/** Facts as pairs of a name and a value; those without a value are left out. */
export function Pairs({ facts }: { facts: readonly (readonly [label: string, value: ReactNode])[] }) {
  const there = facts.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false);
  return (
    <dl className="pairs">
      {there.map(([label, value]) => (
        <div className="pair" key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
