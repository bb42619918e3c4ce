import { useTranslation } from 'react-i18next';
import { type Amount, changeShare, pixels } from './amounts.ts';

/** A change against a period before: arrow, percent and word, so that the colour never speaks alone. */
export function Change({ now, before }: { now: Amount; before: Amount }) {
  const { t } = useTranslation();
  const share = changeShare(now, before);
  if (share === null && pixels(now) === 0) return <span className="change flat">—</span>;
  if (share === null) return <span className="change flat">{t('change.new')}</span>;
  const percent = Math.abs(share * 100);
  if (percent < 0.05) return <span className="change flat">{t('change.same')}</span>;
  const shown = percent >= 1000 ? '>999' : percent.toFixed(1);
  return share > 0 ? (
    <span className="change up">
      ▲ {shown}% {t('change.up')}
    </span>
  ) : (
    <span className="change down">
      ▼ {shown}% {t('change.down')}
    </span>
  );
}
