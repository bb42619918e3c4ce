import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import type { DocumentRowFragment } from '../gql/graphql.ts';
import { Icon } from '../parts/icon.tsx';
import { useDocumentFile } from './use-document-file.ts';

/** A document's file, to be saved by who may; without one that is said. */
export function DocumentFile({ row }: { row: DocumentRowFragment }) {
  const { t } = useTranslation('supply');
  const { may } = useViewer();
  const files = useDocumentFile();
  const { file } = row;
  if (!file) return <span className="soft">{t('documents.noFile')}</span>;
  if (!may('SUPPLIERS_MANAGE')) return <span className="soft row-clip">{file.name}</span>;
  return (
    <Button
      size="small"
      icon={<Icon name="download" size={14} />}
      loading={files.busy}
      onClick={() => void files.save(row.filePath, file.name)}
    >
      {file.name}
    </Button>
  );
}
