import { useLocation } from "@tanstack/react-router";
import { useSession } from "./session";
import { To } from "./To";

export interface SubPage {
  path: string;
  title: string;
  /** A grant without which it isn't offered. */
  grant?: string;
}

interface SubPagesProps {
  title: string;
  pages: SubPage[];
  children: React.ReactNode;
  /** What stands at the end of the line, such as a button. */
  end?: React.ReactNode;
  /** Whether the page fills the window, as lists do that scroll by themselves. */
  fills?: boolean;
}

/** A place of the rail that has several pages: its name, the way between them, and the one that is open. */
export function SubPages({ title, pages, children, end, fills = false }: SubPagesProps) {
  const { pathname } = useLocation();
  const grants = useSession().grants as string[];
  return (
    <div className={fills ? "hg-sub-fills" : "hg-sub-pages"}>
      <header className="hg-sub-head">
        <h1>{title}</h1>
        <nav aria-label={`pages of ${title}`}>
          {pages
            .filter((each) => !each.grant || grants.includes(each.grant))
            .map((each) => (
              <To key={each.path} path={each.path} aria-current={pathname === each.path ? "page" : undefined}>
                {each.title}
              </To>
            ))}
        </nav>
        <span className="hg-spring" />
        {end}
      </header>
      {children}
    </div>
  );
}
