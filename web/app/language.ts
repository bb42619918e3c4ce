import type { Locale } from 'antd/es/locale';
import i18next from 'i18next';
import LanguageDetector from 'i18next-browser-languagedetector';
import { initReactI18next } from 'react-i18next';

/** The languages of the console. */
export const languages = ['zh-CN', 'en'] as const;

/** One of the console's languages. */
export type Language = (typeof languages)[number];

// A person loads one language: its words and antd's words come as one chunk when they are needed.
const sources: Record<Language, { words: () => Promise<{ words: object }>; ant: () => Promise<{ default: Locale }> }> = {
  'zh-CN': { words: () => import('../words/zh-cn.ts'), ant: () => import('antd/es/locale/zh_CN') },
  en: { words: () => import('../words/en.ts'), ant: () => import('antd/es/locale/en_US') },
};

/** Starts i18next in the browser's language, or the one chosen before, and gives back antd's words for it. */
export async function startLanguage(): Promise<Locale> {
  await i18next
    .use(LanguageDetector)
    .use(initReactI18next)
    .init({
      partialBundledLanguages: true,
      resources: {},
      supportedLngs: languages,
      fallbackLng: (code) => (code?.startsWith('zh') ? 'zh-CN' : 'en'),
      defaultNS: 'words',
      ns: ['words'],
      interpolation: { escapeValue: false },
      detection: {
        order: ['localStorage', 'navigator'],
        lookupLocalStorage: 'fenzhan.language',
        caches: [],
        convertDetectedLanguage: nearest,
      },
    });
  return loadLanguage(nearest(i18next.language));
}

/** Switches the language and remembers it. */
export async function chooseLanguage(language: Language): Promise<Locale> {
  localStorage.setItem('fenzhan.language', language);
  return loadLanguage(language);
}

async function loadLanguage(language: Language): Promise<Locale> {
  const [{ words }, { default: ant }] = await Promise.all([sources[language].words(), sources[language].ant()]);
  i18next.addResourceBundle(language, 'words', words);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  return ant;
}

function nearest(code: string): Language {
  return code.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}
