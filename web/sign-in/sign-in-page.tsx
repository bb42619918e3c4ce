import { Alert, Button, Input } from 'antd';
import { type FormEvent, use, useEffect, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Language } from '../app/language.ts';
import { LanguageContext } from '../app/language-context.ts';
import { postAuth, useSession } from '../app/session.tsx';
import './sign-in.css';

type Failure = 'wrong' | 'often' | 'network' | 'server';

/** The sign-in: e-mail and password, and what to do when it does not work. */
export function SignInPage() {
  const { t, i18n } = useTranslation();
  const { refresh } = useSession();
  const choose = use(LanguageContext);
  const ids = { email: useId(), password: useId() };
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);

  useEffect(() => {
    document.title = `${t('signIn.title')} · Fenzhan`;
  }, [t]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(null);
    const answer = await postAuth('sign-in', {
      email: (form.get('email') as string).trim(),
      password: form.get('password') as string,
    }).catch(() => null);
    setBusy(false);
    if (answer?.ok) return refresh();
    setFailure(!answer ? 'network' : answer.status === 429 ? 'often' : answer.status < 500 ? 'wrong' : 'server');
  };
  const other: Language = i18n.language === 'zh-CN' ? 'en' : 'zh-CN';
  return (
    <main className="sign-in">
      <section className="sign-in-card" aria-labelledby={ids.email.concat('title')}>
        <img src="/icon.svg" alt="" width={44} height={44} />
        <h1 id={ids.email.concat('title')}>{t('signIn.title')}</h1>
        <p className="sign-in-lead">{t('signIn.lead')}</p>
        <form onSubmit={submit}>
          <label htmlFor={ids.email}>{t('signIn.email')}</label>
          <Input id={ids.email} name="email" type="email" size="large" autoComplete="username" required autoFocus />
          <label htmlFor={ids.password}>{t('signIn.password')}</label>
          <Input.Password id={ids.password} name="password" size="large" autoComplete="current-password" required />
          {failure && <Alert type="error" role="alert" title={t(`signIn.${failure}`)} description={t(`signIn.${failure}Help`)} />}
          <Button type="primary" size="large" htmlType="submit" block loading={busy}>
            {t('signIn.submit')}
          </Button>
        </form>
        <button type="button" className="sign-in-language" lang={other} onClick={() => choose(other)}>
          {other === 'en' ? 'English' : '简体中文'}
        </button>
      </section>
    </main>
  );
}
