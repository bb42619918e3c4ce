import { Drawer } from 'antd';
import { type ReactNode, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { usePhone } from './use-media.ts';

/** Details with an address of their own, beside the list they came from; closing goes back to that list as it was. */
export function DetailDrawer(props: { title: ReactNode; parent: string; children: ReactNode; footer?: ReactNode; width?: number }) {
  const navigate = useNavigate();
  const { search } = useLocation();
  const phone = usePhone();
  const [open, setOpen] = useState(true);
  return (
    <Drawer
      open={open}
      onClose={() => setOpen(false)}
      afterOpenChange={(now) => !now && void navigate(`${props.parent}${search}`)}
      title={props.title}
      size={phone ? '100%' : (props.width ?? 520)}
      footer={props.footer}
      className="details"
    >
      {props.children}
    </Drawer>
  );
}
