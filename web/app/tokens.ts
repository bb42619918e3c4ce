/** One scheme of the console's colours; the names say what a colour is for. Values meet WCAG AA on their surfaces. */
export type Palette = {
  ink: string;
  inkSoft: string;
  line: string;
  page: string;
  surface: string;
  sunken: string;
  brand: string;
  brandInk: string;
  brandWash: string;
  attention: string;
  danger: string;
  success: string;
  attentionWash: string;
  dangerWash: string;
  successWash: string;
  glow: string;
  comparison: string;
};

/** Ink on paper. */
export const lightPalette: Palette = {
  ink: '#14201F',
  inkSoft: '#5B6B69',
  line: '#E3E8E7',
  page: '#F7F9F8',
  surface: '#FFFFFF',
  sunken: '#EFF3F2',
  brand: '#0B7A75',
  brandInk: '#FFFFFF',
  brandWash: '#E4F2F0',
  attention: '#B7791F',
  danger: '#B42318',
  success: '#1E7B45',
  attentionWash: '#FAF1E1',
  dangerWash: '#FBEBE9',
  successWash: '#E7F3EB',
  glow: '#D3EEEA',
  comparison: '#A9B5B3',
};

/** The same roles at night; the brand's label turns dark because white on light teal would not be readable. */
export const darkPalette: Palette = {
  ink: '#E8EFED',
  inkSoft: '#9DADAA',
  line: '#26312F',
  page: '#0E1514',
  surface: '#151E1D',
  sunken: '#1C2725',
  brand: '#2BB3AB',
  brandInk: '#06201E',
  brandWash: '#14302E',
  attention: '#E0A94A',
  danger: '#F2877B',
  success: '#5BC187',
  attentionWash: '#2B2212',
  dangerWash: '#2E1917',
  successWash: '#14281C',
  glow: '#17403C',
  comparison: '#5E6D6A',
};

/** The type stack: each system's own face, then its Chinese one; a Linux desk takes Noto for both, so that digits and characters match. */
export const fontStack = `-apple-system, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans SC', 'Noto Sans CJK SC', system-ui, sans-serif`;
