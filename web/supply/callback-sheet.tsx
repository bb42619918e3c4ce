import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../parts/copy.tsx';
import { Sheet } from '../parts/sheet.tsx';

/** Where a supplier's system calls back, the one time that it is shown: its token is a secret. */
export function CallbackSheet({ title, url, close }: { title: string; url: string; close: () => void }) {
  const { t } = useTranslation('supply');
  return (
    <Sheet title={title} close={close} footer={<Button onClick={close}>{t('apiKeys.kept')}</Button>}>
      <p>{t('accounts.callback')}</p>
      <div className="secret">
        <code>{url}</code>
        <CopyButton text={url} label={t('copy.copy')} primary />
      </div>
    </Sheet>
  );
}
