import { Badge, Button, Popover } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../parts/icon.tsx';
import { Sheet } from '../parts/sheet.tsx';
import { AlertList } from './alert-list.tsx';
import { useAlerts } from './use-alerts.ts';

/** The inbox of the top bar: how many decisions wait, and each of them with its answer. */
export function Inbox({ phone }: { phone: boolean }) {
  const { t } = useTranslation();
  const inbox = useAlerts();
  const [open, setOpen] = useState(false);
  if (!inbox.allowed) return null;
  const close = () => setOpen(false);
  const button = (
    <Button
      type="text"
      className="top-icon"
      aria-label={t('alerts.inbox', { count: inbox.count })}
      aria-expanded={open}
      onClick={() => setOpen(!open)}
      icon={
        <Badge count={inbox.count} size="small" overflowCount={99} offset={[2, -2]}>
          <Icon name="inbox" />
        </Badge>
      }
    />
  );
  if (phone)
    return (
      <>
        {button}
        {open && (
          <Sheet title={t('alerts.title')} close={close}>
            <AlertList inbox={inbox} done={close} />
          </Sheet>
        )}
      </>
    );
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      trigger="click"
      placement="bottomRight"
      title={t('alerts.title')}
      content={
        <div className="inbox-list">
          <AlertList inbox={inbox} done={close} />
        </div>
      }
    >
      {button}
    </Popover>
  );
}
