import { Button } from 'antd';
import type { KeyboardEvent, MouseEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePhone } from './use-media.ts';

/** One column; `wide` ones give way on a narrow screen. */
export type Column<Row> = {
  key: string;
  title: ReactNode;
  align?: 'right';
  wide?: boolean;
  width?: number | string;
  render: (row: Row) => ReactNode;
};

type TableProps<Row> = {
  label: string;
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  columns: Column<Row>[];
  /** the two lines of a row on a phone */
  phone: (row: Row) => ReactNode;
  open?: (row: Row) => void;
  glowing?: ReadonlySet<string>;
  dense?: boolean;
  rowClass?: (row: Row) => string;
};

/** A list of things: a table with a sticky header on a desk, two-line rows on a phone. */
export function DataTable<Row>(props: TableProps<Row>) {
  const phone = usePhone();
  return phone ? <PhoneRows {...props} /> : <DeskTable {...props} />;
}

/** The end of a list: more of it, or nothing. */
export function More({ hasMore, loading, load }: { hasMore: boolean; loading: boolean; load: () => void }) {
  const { t } = useTranslation();
  if (!hasMore && !loading) return null;
  return (
    <div className="more">
      <Button onClick={load} loading={loading}>
        {t('more')}
      </Button>
    </div>
  );
}

function DeskTable<Row>({ label, rows, rowKey, columns, open, glowing, dense, rowClass }: TableProps<Row>) {
  return (
    <table className={dense ? 'table dense' : 'table'} aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.key} scope="col" className={cellClass(column)} style={{ width: column.width }}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} className={rowClasses(row, { rowKey, open, glowing, rowClass })} {...opening(row, open)}>
            {columns.map((column) => (
              <td key={column.key} className={cellClass(column)}>
                {column.render(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PhoneRows<Row>({ label, rows, rowKey, phone, open, glowing, rowClass }: TableProps<Row>) {
  return (
    <ul className="rows" aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)} className={rowClasses(row, { rowKey, open, glowing, rowClass })} onClick={opening(row, open).onClick}>
          {phone(row)}
        </li>
      ))}
    </ul>
  );
}

function cellClass(column: { align?: 'right'; wide?: boolean }): string {
  return `${column.align ?? ''} ${column.wide ? 'wide' : ''}`.trim();
}

function rowClasses<Row>(
  row: Row,
  { rowKey, open, glowing, rowClass }: Pick<TableProps<Row>, 'rowKey' | 'open' | 'glowing' | 'rowClass'>,
): string {
  return [open ? 'opens' : '', glowing?.has(rowKey(row)) ? 'glows' : '', rowClass?.(row) ?? ''].filter(Boolean).join(' ');
}

// The whole row is a convenience for the pointer; the link or button inside it is what a keyboard and a reader use.
function opening<Row>(row: Row, open: ((row: Row) => void) | undefined): { onClick?: (event: MouseEvent | KeyboardEvent) => void } {
  if (!open) return {};
  return {
    onClick: (event) => {
      if ((event.target as HTMLElement).closest('a, button, input, label, [role="combobox"]')) return;
      if (window.getSelection()?.toString()) return;
      open(row);
    },
  };
}
