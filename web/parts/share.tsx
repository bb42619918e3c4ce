import { useTranslation } from 'react-i18next';

/** A share in basis points as a percentage; a dash where there is none. */
export function shareText(bps: number | null | undefined, language: string): string {
  if (bps === null || bps === undefined) return '—';
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(bps / 10_000);
}

/** A share as a percentage in the person's language. */
export function Share({ bps }: { bps: number | null | undefined }) {
  const { i18n } = useTranslation();
  return <span className={bps === null || bps === undefined ? 'soft' : ''}>{shareText(bps, i18n.language)}</span>;
}
