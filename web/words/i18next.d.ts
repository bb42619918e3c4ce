import 'i18next';
import type { words } from './zh-cn.ts';

// Keys are checked by the compiler: a phrase that does not exist is a type error.
declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'words';
    resources: { words: typeof words };
  }
}
