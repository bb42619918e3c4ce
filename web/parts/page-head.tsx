import type { ReactNode } from 'react';
import { useEffect } from 'react';

/** A page's title row: what this is, one sentence or figure, the one action. Also the window's title. */
export function PageHead({ title, summary, action }: { title: string; summary?: ReactNode; action?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Fenzhan`;
  }, [title]);
  return (
    <header className="page-head">
      <div className="page-head-words">
        <h1>{title}</h1>
        {summary && <p className="page-summary">{summary}</p>}
      </div>
      {action && <div className="page-action">{action}</div>}
    </header>
  );
}
