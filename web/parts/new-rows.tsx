import { useTranslation } from 'react-i18next';

/** "3 new": what has come while the reader was further down, until they want to see it. */
export function NewRows({ count, show }: { count: number; show: () => void }) {
  const { t } = useTranslation();
  if (count === 0) return null;
  return (
    <button type="button" className="pill" onClick={show}>
      {t('newRows', { count })}
    </button>
  );
}
