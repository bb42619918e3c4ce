import { createContext } from 'react';
import type { Language } from './language.ts';

/** Switches the console's language, antd's words included. */
export const LanguageContext = createContext<(language: Language) => void>(() => {
  throw new Error('LanguageContext is not provided');
});
