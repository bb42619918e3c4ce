import type { Locale } from 'antd/es/locale';
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

/** The languages of the console. */
export const languages = ['zh-CN', 'en'] as const;

/** One of the console's languages. */
export type Language = (typeof languages)[number];

/** Words that load together: `words` before the first page, `supply` with the pages of supply. */
type Part = 'words' | 'supply';

// A person loads one language: its words and antd's words come as one chunk each when they are needed.
const sources: Record<Language, Record<Part, () => Promise<object>> & { ant: () => Promise<{ default: Locale }> }> = {
  'zh-CN': {
    words: async () => (await import('../words/zh-cn.ts')).words,
    supply: async () => (await import('../words/supply-zh-cn.ts')).supplyWords,
    ant: () => import('antd/es/locale/zh_CN'),
  },
  en: {
    words: async () => (await import('../words/en.ts')).words,
    supply: async () => (await import('../words/supply-en.ts')).supplyWords,
    ant: () => import('antd/es/locale/en_US'),
  },
};

// i18next asks here for words that it does not have: a page that nobody fetched them for waits, it never shows keys.
const lazyWords = {
  type: 'backend',
  callbackApi: false,
  read: (code: string, part: Part) => sources[nearest(code)][part](),
} as const;

const choiceKey = 'fenzhan.language';
let language = nearest(localStorage.getItem(choiceKey) ?? navigator.language);
// the parts that were asked for so far: another language is fetched as far as that
const parts = new Set<Part>(['words']);

// The router asks for a page, and with it for its words, before anything is drawn.
const started = i18next
  .use(lazyWords)
  .use(initReactI18next)
  .init({
    lng: language,
    supportedLngs: languages,
    fallbackLng: false,
    defaultNS: 'words',
    fallbackNS: 'words',
    ns: ['words'],
    interpolation: { escapeValue: false },
    // a key instead of its phrase is a mistake of ours: said aloud, and the browser tests hear it
    saveMissing: true,
    missingKeyHandler: (codes, _part, key, _shown, _update, options) => {
      if (options.defaultValue === undefined) reportError(new Error(`no words for ${key} in ${codes.join()}`));
    },
  });

/** Starts in the language chosen before, or the browser's, and gives back antd's words for it. */
export async function startLanguage(): Promise<Locale> {
  const [ant] = await Promise.all([fetchWords(language, ['words']), started]);
  document.documentElement.lang = language;
  return ant;
}

/** Switches the language and remembers it. */
export async function chooseLanguage(next: Language): Promise<Locale> {
  localStorage.setItem(choiceKey, next);
  const ant = await fetchWords(next, [...parts]);
  language = next;
  await i18next.changeLanguage(next);
  document.documentElement.lang = next;
  return ant;
}

/** A page of supply together with its words; rejects when either cannot be had. */
export async function withSupplyWords<Page>(page: Promise<Page>): Promise<Page> {
  parts.add('supply');
  const [loaded] = await Promise.all([page, sources[language].supply(), started]);
  await i18next.loadNamespaces('supply');
  return loaded;
}

/** Fetches what i18next will read, so that a failure is known before anything is drawn with it. */
async function fetchWords(of: Language, which: Part[]): Promise<Locale> {
  const { ant, ...words } = sources[of];
  const [{ default: locale }] = await Promise.all([ant(), ...which.map((part) => words[part]())]);
  return locale;
}

function nearest(code: string): Language {
  return code.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}
