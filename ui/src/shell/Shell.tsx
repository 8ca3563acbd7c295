import { Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { Outlet, useLocation, useMatches } from "@tanstack/react-router";
import { Suspense, useEffect, useRef } from "react";
import { Loading } from "@/core/States";
import { FEATURES, isOf, railOf } from "./registry";
import { Logo } from "./Logo";
import { SearchDialog, useSearchDialog } from "./SearchDialog";
import { KeysDialog, useKeys } from "./shortcuts";
import { To } from "./To";
import { TopBar } from "./TopBar";
import { useSession, useSignOut } from "./session";

/** The frame around every page. */
export function Shell() {
  const session = useSession();
  const search = useSearchDialog();
  const keys = useKeys(search.open);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const title = useTitle();

  // Who hears the page is told that it is another one; at the first one the browser does.
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current !== pathname) {
      before.current = pathname;
      main.current?.focus({ preventScroll: true });
    }
  }, [pathname]);

  return (
    <div className="hg-shell">
      <a className="hg-skip" href="#main">
        Skip to the page
      </a>
      <nav className="hg-rail" aria-label="pages">
        <To path="/" className="hg-brand" aria-label="Headgate, overview">
          <Logo size={20} />
          <span>Headgate</span>
        </To>
        <ul>
          {railOf(session.grants as string[]).map((feature) => (
            <li key={feature.rail?.path}>
              <RailLink feature={feature} pathname={pathname} />
            </li>
          ))}
        </ul>
        <div className="hg-rail-foot">
          <Who />
        </div>
      </nav>
      <div className="hg-page">
        <TopBar onSearch={search.open} />
        <main id="main" ref={main} tabIndex={-1} aria-label={title}>
          <Suspense fallback={<Loading what="the page" />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <SearchDialog {...search} />
      <KeysDialog {...keys} />
    </div>
  );
}

function RailLink({ feature, pathname }: { feature: (typeof FEATURES)[number]; pathname: string }) {
  const rail = feature.rail;
  if (!rail) {
    return null;
  }
  const isHere = isOf(feature, pathname);
  const Icon = rail.icon;
  return (
    <To path={rail.path} className={isHere ? "hg-here" : ""} aria-current={isHere ? "page" : undefined}>
      <Icon size={16} stroke={1.6} />
      <span>{rail.name}</span>
    </To>
  );
}

function Who() {
  const session = useSession();
  const signOut = useSignOut();
  const scheme = useComputedColorScheme("light");
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <>
      <div className="hg-who" title={`${session.key.prefix} · ${session.key.role}`}>
        <span className="hg-ellipsis">{session.key.name}</span>
        <span className="hg-soft">{session.key.role.replace("_", " ")}</span>
      </div>
      <Tooltip label={`Make it ${other}`} withArrow>
        <button
          type="button"
          className="hg-icon-button"
          aria-label={`make it ${other}`}
          onClick={() => setColorScheme(other)}
        >
          {scheme === "dark" ? <IconSun size={16} stroke={1.6} /> : <IconMoon size={16} stroke={1.6} />}
        </button>
      </Tooltip>
      <Tooltip label="Sign out" withArrow>
        <button type="button" className="hg-icon-button" aria-label="sign out" onClick={() => void signOut()}>
          <IconLogout size={16} stroke={1.6} />
        </button>
      </Tooltip>
    </>
  );
}

function useTitle(): string {
  const matches = useMatches();
  const path = matches.at(-1)?.fullPath ?? "/";
  const same = (one: string): string => one.replace(/\/$/, "");
  const page = FEATURES.flatMap((feature) => feature.pages).find((each) => same(each.path) === same(path));
  const title = page?.title ?? "Headgate";
  useEffect(() => {
    document.title = title === "Headgate" ? title : `${title} · Headgate`;
  }, [title]);
  return title;
}
