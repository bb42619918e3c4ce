import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Empty } from '../parts/states.tsx';

/** An address that leads nowhere. */
export function NotFoundPage() {
  const { t } = useTranslation();
  return <Empty icon="search" title={t('notFound.title')} help={t('notFound.help')} action={<Link to="/">{t('notFound.home')}</Link>} />;
}
