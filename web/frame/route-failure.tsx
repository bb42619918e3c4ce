import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/icon.tsx';

/** A page that could not be drawn or loaded, mostly because a new version was put in place meanwhile. */
export function RouteFailure() {
  const { t } = useTranslation();
  return (
    <div className="state" role="alert">
      <Icon name="alert" size={28} />
      <p className="state-title">{t('failure.page')}</p>
      <p className="state-help">{t('failure.pageHelp')}</p>
      <Button onClick={() => location.reload()}>{t('failure.reload')}</Button>
    </div>
  );
}
