import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { LOOK_DISTANCE_MAX, lookOf } from '#server/platform/picture-look.ts';
import { motif } from '#test/support/pictures.ts';

const distance = (a: string, b: string) => Array.from(a).filter((bit, i) => bit !== b[i]).length;
const look = async (picture: Buffer) => {
  const seen = await lookOf(picture);
  if (seen.kind !== 'LOOK') throw new Error(seen.kind);
  return seen.look;
};
const kindOf = async (picture: Buffer) => (await lookOf(picture)).kind;
const plain = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#123456' } });

describe('what a picture looks like', () => {
  test.each([
    ['compressed anew', (png: Buffer) => sharp(png).jpeg({ quality: 40 })],
    ['in another format', (png: Buffer) => sharp(png).webp({ quality: 50 })],
    ['smaller', (png: Buffer) => sharp(png).resize(120, 90)],
    ['pressed into a square', (png: Buffer) => sharp(png).resize(300, 300, { fit: 'fill' })],
    ['brighter', (png: Buffer) => sharp(png).modulate({ brightness: 1.15 })],
    ['cut at its edges', (png: Buffer) => sharp(png).extract({ left: 4, top: 3, width: 392, height: 294 })],
  ])('stays nearly the same when it is %s', async (_, change) => {
    const drawn = await motif(1);
    expect(distance(await look(drawn), await look(await change(drawn).toBuffer()))).toBeLessThanOrEqual(LOOK_DISTANCE_MAX);
  });

  test('tells other motifs apart by far', async () => {
    const looks = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (number) => look(await motif(number))));
    const pairs = looks.flatMap((a, i) => looks.slice(i + 1).map((b) => distance(a, b)));
    expect(pairs).toHaveLength(28);
    expect(Math.min(...pairs)).toBeGreaterThan(3 * LOOK_DISTANCE_MAX);
  });

  test('says that a picture of one colour tells nothing', async () => {
    expect(await kindOf(await plain(90).jpeg().toBuffer())).toBe('PLAIN');
  });

  test('opens neither what is broken, nor what is huge, nor formats that a listing cannot have', async () => {
    const drawn = await motif(1);
    const huge = await plain(9_000).png().toBuffer();
    expect(huge.length).toBeLessThan(2 * 1024 * 1024);
    expect(await kindOf(huge)).toBe('UNREADABLE');
    expect(await kindOf(drawn.subarray(0, drawn.length / 2))).toBe('UNREADABLE');
    expect(await kindOf(await sharp(drawn).tiff().toBuffer())).toBe('UNREADABLE');
    expect(await kindOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))).toBe('UNREADABLE');
  });
});
