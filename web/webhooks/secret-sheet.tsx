import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../parts/copy.tsx';
import { Sheet } from '../parts/sheet.tsx';

/** A signing secret, the one time that it is shown. */
export function SecretSheet({ title, secret, close }: { title: string; secret: string; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Sheet title={title} close={close} footer={<Button onClick={close}>{t('apiKeys.kept')}</Button>}>
      <p>{t('webhooks.once')}</p>
      <div className="secret">
        <code>{secret}</code>
        <CopyButton text={secret} label={t('copy.copy')} primary />
      </div>
    </Sheet>
  );
}
