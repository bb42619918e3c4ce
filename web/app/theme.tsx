import { App, theme as antTheme, ConfigProvider, type ThemeConfig } from 'antd';
import type { Locale } from 'antd/es/locale';
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { useMedia } from '../parts/use-media.ts';
import { darkPalette, fontStack, lightPalette, type Palette } from './tokens.ts';

/** What a person chose; `system` follows the device. */
export type ThemeChoice = 'light' | 'dark' | 'system';

type ThemeState = { choice: ThemeChoice; dark: boolean; palette: Palette; choose: (choice: ThemeChoice) => void };

const ThemeContext = createContext<ThemeState | null>(null);
const storageKey = 'fenzhan.theme';

/** Gives the page its colours: CSS variables for our own parts, tokens for antd's, both from one palette. */
export function ThemeProvider({ locale, children }: { locale: Locale; children: ReactNode }) {
  const [choice, setChoice] = useState<ThemeChoice>(storedChoice);
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const still = useMedia('(prefers-reduced-motion: reduce)');
  const dark = choice === 'dark' || (choice === 'system' && systemDark);
  const palette = dark ? darkPalette : lightPalette;

  useEffect(() => paint(palette, dark), [palette, dark]);

  const state = useMemo<ThemeState>(
    () => ({
      choice,
      dark,
      palette,
      choose: (next) => {
        localStorage.setItem(storageKey, next);
        setChoice(next);
      },
    }),
    [choice, dark, palette],
  );
  const config = useMemo(() => antConfig(palette, dark, still), [palette, dark, still]);
  return (
    <ThemeContext value={state}>
      <ConfigProvider locale={locale} theme={config} button={{ autoInsertSpace: false }}>
        <App className="app" message={{ maxCount: 3, top: 64 }}>
          {children}
        </App>
      </ConfigProvider>
    </ThemeContext>
  );
}

/** The colours of now, and how to change them. */
export function useTheme(): ThemeState {
  const state = use(ThemeContext);
  if (!state) throw new Error('useTheme outside ThemeProvider');
  return state;
}

function storedChoice(): ThemeChoice {
  const stored = localStorage.getItem(storageKey);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

function paint(palette: Palette, dark: boolean) {
  const root = document.documentElement;
  root.dataset['theme'] = dark ? 'dark' : 'light';
  root.style.colorScheme = dark ? 'dark' : 'light';
  for (const [role, colour] of Object.entries(palette))
    root.style.setProperty(`--${role.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, colour);
}

function antConfig(palette: Palette, dark: boolean, still: boolean): ThemeConfig {
  return {
    algorithm: dark ? antTheme.darkAlgorithm : antTheme.defaultAlgorithm,
    token: {
      colorPrimary: palette.brand,
      // the paler teal that antd makes of it under the pointer is too faint on white
      ...(dark ? {} : { colorPrimaryHover: '#09655F' }),
      colorInfo: palette.brand,
      colorLink: palette.brand,
      colorSuccess: palette.success,
      colorWarning: palette.attention,
      colorError: palette.danger,
      colorSuccessBg: palette.successWash,
      colorSuccessBorder: palette.line,
      colorWarningBg: palette.attentionWash,
      colorWarningBorder: palette.line,
      colorErrorBg: palette.dangerWash,
      colorErrorBorder: palette.line,
      colorText: palette.ink,
      colorTextSecondary: palette.inkSoft,
      colorTextTertiary: palette.inkSoft,
      colorTextPlaceholder: palette.inkSoft,
      colorTextDescription: palette.inkSoft,
      colorBorder: dark ? '#5A6A67' : '#A8B5B2',
      colorBorderSecondary: palette.line,
      colorBgBase: palette.surface,
      colorBgLayout: palette.page,
      colorBgContainer: palette.surface,
      colorBgElevated: palette.surface,
      fontFamily: fontStack,
      fontSize: 14,
      borderRadius: 6,
      controlHeight: 36,
      motionDurationFast: '0.12s',
      motionDurationMid: '0.14s',
      motionDurationSlow: '0.16s',
      motion: !still,
      boxShadow: '0 6px 24px rgba(6, 24, 22, 0.14)',
      boxShadowSecondary: '0 6px 24px rgba(6, 24, 22, 0.14)',
    },
    components: {
      Button: { primaryColor: palette.brandInk, primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none', fontWeight: 500 },
      Segmented: { trackBg: palette.sunken, itemSelectedBg: palette.surface, itemColor: palette.inkSoft },
      Tooltip: { colorBgSpotlight: dark ? '#33413F' : '#14201F' },
      Checkbox: { colorWhite: palette.brandInk },
    },
  };
}
