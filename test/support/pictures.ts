import sharp from 'sharp';

const WIDTH = 400;
const HEIGHT = 300;

/** A PNG of twelve discs, always the same for a number and another for every other number. */
export function motif(number: number): Promise<Buffer> {
  let state = number;
  const next = (range: number) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff) * range;
  };
  const discs = Array.from({ length: 12 }, () => ({ x: next(WIDTH), y: next(HEIGHT), radius: 20 + next(80), grey: Math.round(next(255)) }));
  const dots = Buffer.alloc(WIDTH * HEIGHT, 60);
  for (let y = 0; y < HEIGHT; y += 1)
    for (let x = 0; x < WIDTH; x += 1)
      for (const disc of discs) if ((x - disc.x) ** 2 + (y - disc.y) ** 2 < disc.radius ** 2) dots[y * WIDTH + x] = disc.grey;
  return sharp(dots, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    .png()
    .toBuffer();
}
