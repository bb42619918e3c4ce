import 'i18next';
import type { supplyWords } from './supply-zh-cn.ts';
import type { words } from './zh-cn.ts';

// Keys are checked by the compiler: a phrase that does not exist is a type error, and so is one of supply without `useTranslation('supply')`.
declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'words';
    fallbackNS: 'words';
    resources: { words: typeof words; supply: typeof supplyWords };
  }
}
