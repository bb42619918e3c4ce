import type { Locale } from 'antd/es/locale';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { chooseLanguage, type Language, startLanguage } from './app/language.ts';
import { LanguageContext } from './app/language-context.ts';
import { router } from './app/routes.tsx';
import { SessionProvider, startClient } from './app/session.tsx';
import { ThemeProvider } from './app/theme.tsx';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';
import './style/pages.css';

const root = document.getElementById('root');
const firstClient = startClient();
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <Console initial={await startLanguage()} />
  </StrictMode>,
);

function Console({ initial }: { initial: Locale }) {
  const [locale, setLocale] = useState(initial);
  const choose = (language: Language) => void chooseLanguage(language).then(setLocale);
  return (
    <LanguageContext value={choose}>
      <ThemeProvider locale={locale}>
        <SessionProvider first={firstClient}>
          <RouterProvider router={router} />
        </SessionProvider>
      </ThemeProvider>
    </LanguageContext>
  );
}
