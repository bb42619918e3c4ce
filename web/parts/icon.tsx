// Drawn on one 20-px grid with one stroke, so that they sit together; a library would cost more than it gives.
const paths = {
  home: 'M3.500 9 10 3.500 16.500 9v7.500h-4.500v-4.500h-4v4.500H3.500z',
  bag: 'M4 7h12l-.8 9.500H4.800zM7 7a3 3 0 0 1 6 0',
  list: 'M7 5.500h9M7 10h9M7 14.500h9M3.500 5.500h.01M3.500 10h.01M3.500 14.500h.01',
  wallet: 'M3.500 6.500h13v10h-13zM3.500 6.500l9.500-3v3M13.500 11.500h.01',
  tree: 'M10 3.500v5M10 8.500c0 3-5.500 2-5.500 6M10 8.500c0 3 5.500 2 5.500 6M10 8.500v6M10 3.500h.01M4.500 16.500h.01M10 16.500h.01M15.500 16.500h.01',
  tag: 'M3.500 3.500h6l7 7-6 6-7-7zM7 7h.01',
  scale: 'M10 3.500v13M6 16.500h8M4 6h12M4 6l-2 5.500h4zM16 6l-2 5.500h4z',
  box: 'M3.500 6.500 10 3.500l6.500 3v7L10 16.500l-6.500-3zM3.500 6.500 10 9.500l6.500-3M10 9.500v7',
  refund: 'M4 9.500a6 6 0 1 1 1.800 4.700M4 5.500v4h4',
  key: 'M12.500 3.500a4 4 0 1 1-3.300 6.300L3.500 15.500v1h3v-2h2v-2l1.300-1.300M13.500 6.500h.01',
  log: 'M5 3.500h7l3 3v10H5zM8 9h4.500M8 12.500h4.500',
  more: 'M4.500 9.400a.6.6 0 1 1 0 1.200.6.6 0 0 1 0-1.200zM10 9.400a.6.6 0 1 1 0 1.200.6.6 0 0 1 0-1.200zM15.500 9.400a.6.6 0 1 1 0 1.200.6.6 0 0 1 0-1.200z',
  search: 'M8.800 3.500a5.300 5.300 0 1 1 0 10.600 5.300 5.300 0 0 1 0-10.600zM12.700 12.700l4 4',
  sun: 'M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM10 2.500v1M10 16.500v1M2.500 10h1M16.500 10h1M4.700 4.700l.7.7M14.600 14.600l.7.7M15.300 4.700l-.7.7M5.400 14.600l-.7.7',
  moon: 'M16 11.800A6.500 6.500 0 0 1 8.200 4 6.500 6.500 0 1 0 16 11.800z',
  language: 'M3 5.500h8M7 3.500v2M9.500 5.500c-.8 3-3 5-6 6M5 7.500c1 2 2.500 3.300 4.500 4M10 16.500l3.200-8 3.200 8M11.200 13.800h4',
  person: 'M10 3.500a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM4 16.500c.5-3 3-4.500 6-4.500s5.500 1.500 6 4.500',
  chevron: 'M7.500 4.500 13 10l-5.500 5.500',
  down: 'M5 7.500l5 5 5-5',
  copy: 'M7.500 7.500h9v9h-9zM4.500 12.500h-1v-9h9v1',
  check: 'M4 10.500l4 4 8-9',
  plus: 'M10 4v12M4 10h12',
  close: 'M5 5l10 10M15 5 5 15',
  panel: 'M3.500 4h13v12h-13zM8 4v12',
  eye: 'M2.500 10S5 5 10 5s7.500 5 7.500 5-2.500 5-7.500 5-7.500-5-7.500-5zM10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  upload: 'M10 13V4M6.500 7 10 3.500 13.500 7M3.500 13v3.500h13V13',
  download: 'M10 3.500v9M6.500 9.500 10 13l3.500-3.500M3.500 13v3.500h13V13',
  inbox: 'M3.500 11.500h4a2.500 2.500 0 0 0 5 0h4M3.500 11.500 5.500 4h9l2 7.500v5h-13z',
  alert: 'M10 3.500 17.500 16.500h-15zM10 8v4M10 14.500h.01',
  out: 'M8 3.500H3.500v13H8M12 6.500 15.500 10 12 13.500M15.500 10H7.500',
  truck:
    'M2.500 5h9v9h-9zM11.500 8h3.500l2.500 3v3h-6zM5.500 14a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3zM14 14a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3z',
  edit: 'M4 16h3l9-9-3-3-9 9z',
} as const;

/** The icons that there are. */
export type IconName = keyof typeof paths;

/** A line icon; always beside a word or inside something that has a label. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
