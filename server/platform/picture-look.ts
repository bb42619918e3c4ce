/** What a picture looks like, as 256 bits: pictures of one motif differ in few of them, whatever their size, format and compression. */
export type PictureLook = string;

/** What there is to say of a picture's bytes: its look; that nothing can be told by it; that it cannot be read. */
export type Look = { readonly kind: 'LOOK'; readonly look: PictureLook } | { readonly kind: 'PLAIN' } | { readonly kind: 'UNREADABLE' };

/** Bits in which two looks may differ and still be nearly the same picture: up to 14 after compressing or resizing it, some 20 after trimming its edges; other motifs differ in about 120. */
export const LOOK_DISTANCE_MAX = 24;

const SIDE = 16;
/** More than any picture in a shop window has; what claims more is not opened, however few bytes it is. */
const PIXELS_MAX = 16_000_000;
const SECONDS_MAX = 5;
/** A picture of one colour, or nearly, has no motif: all such would look the same. */
const EDGES_MIN = 8;
/** So much brighter, of 255, is brighter: what compressing does to a plain surface is less. */
const BRIGHTER = 4;

let opened: Promise<typeof import('sharp').default> | undefined;

/** The decoder, loaded when the first picture is looked at. It reads strangers' bytes: every format but three is switched off, and nothing is kept. */
function decoder() {
  opened ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({ operation: ['VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer', 'VipsForeignLoadWebpBuffer'] });
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return opened;
}

/**
 * The look of a PNG, JPEG or WebP (a difference hash: 16 rows, in each whether a dot is brighter than the next), `UNREADABLE` when the bytes are none
 * of these, broken, or more than 16 million dots, and `PLAIN` when there is nothing to tell it by.
 */
export async function lookOf(picture: Uint8Array): Promise<Look> {
  const sharp = await decoder();
  const dots = await sharp(picture, { limitInputPixels: PIXELS_MAX, failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .greyscale()
    .resize(SIDE + 1, SIDE, { fit: 'fill' })
    .raw()
    .timeout({ seconds: SECONDS_MAX })
    .toBuffer()
    .catch(() => null);
  if (dots === null) return { kind: 'UNREADABLE' };
  const bits = Array.from({ length: SIDE * SIDE }, (_, i) => {
    const at = Math.floor(i / SIDE) * (SIDE + 1) + (i % SIDE);
    return (dots[at] ?? 0) > (dots[at + 1] ?? 0) + BRIGHTER ? '1' : '0';
  });
  const edges = bits.filter((bit) => bit === '1').length;
  return edges < EDGES_MIN ? { kind: 'PLAIN' } : { kind: 'LOOK', look: bits.join('') };
}
