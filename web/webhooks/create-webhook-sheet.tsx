import { Checkbox, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CreateWebhookDocument } from '../gql/graphql.ts';
import { Field } from '../parts/field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';
import { SecretSheet } from './secret-sheet.tsx';
import { documentOf, type Topic, topics } from './topics.ts';

/** Making a webhook: where, of what, and the document that says it. Its secret is shown once and never again. */
export function CreateWebhookSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation();
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [chosen, setChosen] = useState<Topic[]>(['orderUpdated']);
  const [document, setDocument] = useState(documentOf(['orderUpdated']));
  const [secret, setSecret] = useState<string | null>(null);
  const create = useAction(CreateWebhookDocument, (data) => data.createWebhookEndpoint, 'WebhookEndpointCreated');
  const choose = (next: Topic[]) => {
    setChosen(next);
    setDocument(documentOf(next));
  };
  const submit = async () => {
    const answer = await create.run({ input: { url: url.trim(), description: description.trim(), document } });
    if (!answer) return;
    setSecret(answer.secret);
    done();
  };
  if (secret) return <SecretSheet title={t('webhooks.created')} secret={secret} close={close} />;
  return (
    <Sheet
      title={t('webhooks.create')}
      close={close}
      width={640}
      footer={
        <SheetAction disabled={url.trim() === '' || document.trim() === ''} busy={create.busy} run={submit}>
          {t('webhooks.create')}
        </SheetAction>
      }
    >
      <Field label={t('webhooks.url')} help={t('webhooks.urlHelp')}>
        {(id) => (
          <Input
            id={id}
            inputMode="url"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
            placeholder="https://shop.example.com/hooks"
          />
        )}
      </Field>
      <Field label={t('webhooks.description')}>
        {(id) => <Input id={id} maxLength={200} value={description} onChange={(event) => setDescription(event.target.value)} />}
      </Field>
      <div className="field">
        <span className="field-label">{t('webhooks.topics')}</span>
        <Checkbox.Group
          value={chosen}
          onChange={(values) => choose(values as Topic[])}
          options={(Object.keys(topics) as Topic[]).map((value) => ({ value, label: t(`webhooks.topic.${value}`) }))}
        />
      </div>
      <Field label={t('webhooks.document')} help={t('webhooks.documentHelp')}>
        {(id) => (
          <Input.TextArea
            id={id}
            className="webhook-document"
            spellCheck={false}
            autoSize={{ minRows: 6, maxRows: 16 }}
            value={document}
            onChange={(event) => setDocument(event.target.value)}
          />
        )}
      </Field>
      {create.note}
    </Sheet>
  );
}
