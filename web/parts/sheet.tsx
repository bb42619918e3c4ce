import { Button, Drawer, Modal } from 'antd';
import type { ReactNode } from 'react';
import { usePhone } from './use-media.ts';

/** A dialog: in the middle on a desk, a sheet from below on a phone, where the action stays at the thumb. */
export function Sheet(props: { title: ReactNode; close: () => void; children: ReactNode; footer?: ReactNode; width?: number }) {
  const phone = usePhone();
  if (phone)
    return (
      <Drawer
        open
        onClose={props.close}
        placement="bottom"
        title={props.title}
        size="large"
        footer={props.footer}
        className="sheet"
        styles={{ wrapper: { height: 'auto', maxHeight: '92dvh' } }}
      >
        {props.children}
      </Drawer>
    );
  return (
    <Modal open onCancel={props.close} title={props.title} footer={props.footer ?? null} width={props.width ?? 480} destroyOnHidden>
      {props.children}
    </Modal>
  );
}

/** What a sheet is for, across its foot: one action, named as it says in the button. `busy` while it is under way. */
export function SheetAction(props: {
  children: ReactNode;
  run: () => Promise<unknown>;
  busy: boolean;
  disabled?: boolean;
  danger?: boolean;
}) {
  const { children, run, busy, disabled = false, danger = false } = props;
  return (
    <Button type="primary" size="large" block danger={danger} disabled={disabled} loading={busy} onClick={() => void run()}>
      {children}
    </Button>
  );
}
