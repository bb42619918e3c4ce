import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

const shownSeconds = 60;
const empty: number[] = Array.from({ length: shownSeconds }, () => 0);

/** Orders as a heartbeat: how many came in each of the last sixty seconds. `beats` only ever grows. */
export function Heartbeat({ beats }: { beats: number }) {
  const { t } = useTranslation();
  const [seconds, setSeconds] = useState(empty);
  const counted = useRef(beats);
  const tick = useEffectEvent(() => {
    const arrived = beats - counted.current;
    counted.current = beats;
    setSeconds((before) => (arrived === 0 && before.every((count) => count === 0) ? before : [...before.slice(1), arrived]));
  });
  useEffect(() => {
    const timer = setInterval(() => tick(), 1_000);
    return () => clearInterval(timer);
  }, []);
  const total = seconds.reduce((sum, count) => sum + count, 0);
  const most = Math.max(3, ...seconds);
  return (
    <div className="heartbeat">
      <svg viewBox={`0 0 ${shownSeconds * 4} 28`} preserveAspectRatio="none" aria-hidden="true">
        {seconds.map((count, index) => (
          <rect
            key={index}
            x={index * 4}
            width={2.5}
            y={26 - (count / most) * 24}
            height={(count / most) * 24 + 2}
            rx={1}
            className={count > 0 ? 'beat' : ''}
          />
        ))}
      </svg>
      <span className="soft">{t('hq.heartbeat', { count: total })}</span>
    </div>
  );
}
