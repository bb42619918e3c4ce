import { type Amount, partsOf } from './amounts.ts';

/** An amount: tabular, grouped, its mark muted, a minus sign where it is negative, a plus where the sign is the point. */
export function Money({ value, signed = false, size }: { value: Amount | null | undefined; signed?: boolean; size?: 'large' | 'huge' }) {
  if (!value) return <span className="money none">—</span>;
  const { negative, zero, whole, decimals, mark } = partsOf(value);
  const sign = negative ? '−' : signed && !zero ? '+' : '';
  return (
    <span className={`money ${size ?? ''}`}>
      {sign}
      <span className="money-mark">{mark}</span>
      {whole}
      {decimals && <span className="money-decimals">.{decimals}</span>}
    </span>
  );
}
