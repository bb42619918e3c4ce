import { App } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';

/** Gets and puts the files of documents: over plain HTTP, in the name of the party that one acts for. */
export function useDocumentFile() {
  const { t } = useTranslation('supply');
  const { party } = useViewer();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const send = async (path: string, init: RequestInit = {}): Promise<Response | null> => {
    setBusy(true);
    try {
      const answer = await fetch(path, {
        ...init,
        credentials: 'same-origin',
        headers: { 'x-fenzhan-csrf': '1', 'x-fenzhan-party': party?.id ?? '' },
      });
      if (answer.ok) return answer;
      void message.error(answer.status === 400 ? t('documents.wrongFile') : t('failure.help'));
    } catch {
      void message.error(t('failure.network'));
    } finally {
      setBusy(false);
    }
    return null;
  };
  return {
    busy,
    /** Saves a document's file on the person's machine. */
    save: async (path: string, name: string) => {
      const answer = await send(path);
      if (!answer) return;
      const url = URL.createObjectURL(await answer.blob());
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      URL.revokeObjectURL(url);
    },
    /** Puts a file to a document; tells whether it was taken. */
    put: async (path: string, file: File) =>
      (await send(`${path}?name=${encodeURIComponent(file.name)}`, { method: 'PUT', body: file })) !== null,
  };
}
