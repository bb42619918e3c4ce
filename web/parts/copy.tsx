import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from './icon.tsx';

/** Puts text on the clipboard, also where the page came over plain http and browsers withhold the clipboard API. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext && navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('the browser refused to copy');
}

/** A button that copies and says that it did. */
export function CopyButton({
  text,
  label,
  primary = false,
  compact = false,
}: {
  text: string;
  label: string;
  primary?: boolean;
  compact?: boolean;
}) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [copied, setCopied] = useState(false);
  const copy = () =>
    copyText(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1_600);
      },
      () => message.error(t('copy.failed')),
    );
  return (
    <Button
      type={primary ? 'primary' : compact ? 'text' : 'default'}
      size={compact ? 'small' : 'middle'}
      icon={<Icon name={copied ? 'check' : 'copy'} size={16} />}
      aria-label={label}
      onClick={copy}
    >
      {compact ? null : copied ? t('copy.done') : label}
    </Button>
  );
}

/** An id that people rarely read but sometimes need: grey, shortened, copied by a click. */
export function CopyableId({ id }: { id: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const copy = () =>
    copyText(id).then(
      () => message.success(t('copy.done')),
      () => message.error(t('copy.failed')),
    );
  return (
    <button type="button" className="copyable" title={id} aria-label={t('copy.id')} onClick={copy}>
      {id.length > 14 ? `${id.slice(0, 6)}…${id.slice(-4)}` : id}
      <Icon name="copy" size={13} />
    </button>
  );
}
