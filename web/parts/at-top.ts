const topPixels = 60;

/** Whether the reader is at the top of the page, where new rows may enter without moving what is read. */
export function isAtTop(): boolean {
  return window.scrollY < topPixels;
}

/** Runs now for a reader at the top, else when they come back there; answers how to give it up. */
export function whenAtTop(run: () => void): () => void {
  if (isAtTop()) {
    run();
    return () => {};
  }
  const giveUp = () => window.removeEventListener('scroll', onScroll);
  const onScroll = () => {
    if (!isAtTop()) return;
    giveUp();
    run();
  };
  window.addEventListener('scroll', onScroll, { passive: true });
  return giveUp;
}
