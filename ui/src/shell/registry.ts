// The pages that there are. A feature is a folder under src/features whose `feature.tsx` exports `feature`;
// nothing else has to know of it. docs/design/007-console.md says how to add one.

import type { ComponentType } from "react";

export type RailName =
  | "Overview"
  | "Requests"
  | "Traces"
  | "Prompts"
  | "Releases"
  | "Experiments"
  | "Spend"
  | "Access"
  | "Routing"
  | "Settings";

/** The rail, in its order; those that no feature has yet are left out. */
export const RAIL: RailName[] = [
  "Overview",
  "Requests",
  "Traces",
  "Prompts",
  "Releases",
  "Experiments",
  "Spend",
  "Access",
  "Routing",
  "Settings",
];

export interface PageOf {
  /** As the router takes it: `/requests/$id`. */
  path: string;
  /** By `lazyRouteComponent`, which the router fetches before it draws: React holds back what replaces a fallback. */
  component: ComponentType;
  /** What the title of the window says. */
  title: string;
  /** Whether the search leaves it out: it takes more than its address. */
  isHidden?: boolean;
}

export interface Found {
  title: string;
  kind: string;
  path: string;
  filter?: Record<string, string>;
  /** What stands around the words that were looked for. */
  snippet?: string;
  /** Whether it is about words that were said; what is called so comes first. */
  isSaid?: boolean;
  /** Whether it is offered for what was typed, known or not: it comes last. */
  isOffered?: boolean;
}

export interface Feature {
  /** Its place in the rail; left out for pages that are only linked to. */
  rail?: { name: RailName; path: string; icon: ComponentType<{ size?: number; stroke?: number }> };
  /** The place of the rail that its pages belong to, where they stand beside another feature's. */
  under?: RailName;
  pages: PageOf[];
  /** A grant without which the rail doesn't show it. */
  grant?: string;
  /** The key that opens it after `g`. */
  key?: string;
  /** Answers the search at the top. Asked with at least two characters; may throw, which finds nothing. */
  search?: (text: string, signal: AbortSignal, grants: readonly string[]) => Promise<Found[]>;
}

const modules = import.meta.glob<{ feature: Feature }>("../features/*/feature.tsx", { eager: true });

export const FEATURES: Feature[] = Object.values(modules).map((module) => module.feature);

/** Whether an address is of a place of the rail: of its own pages, or of those that stand beside them. */
export function isOf(feature: Feature, pathname: string): boolean {
  const { rail } = feature;
  if (!rail) {
    return false;
  }
  if (rail.path === "/") {
    return pathname === "/";
  }
  const beside = FEATURES.filter((each) => each.under === rail.name).flatMap((each) => each.pages.map((page) => page.path));
  return [rail.path, ...beside.filter((path) => !path.includes("$"))].some((path) => pathname.startsWith(path));
}

/** The features of the rail, in its order. */
export function railOf(grants: readonly string[]): Feature[] {
  return RAIL.flatMap((name) =>
    FEATURES.filter((each) => each.rail?.name === name && (!each.grant || grants.includes(each.grant))),
  );
}

/** The features that one may see. */
export function featuresOf(grants: readonly string[]): Feature[] {
  return FEATURES.filter((each) => !each.grant || grants.includes(each.grant));
}

/** Every page that can be opened without naming what it is of: those of the rail first, in its order. */
export function pagesOf(grants: readonly string[]): Found[] {
  const seen = featuresOf(grants);
  const rail = railOf(grants);
  const inOrder = [...rail, ...seen.filter((each) => !rail.includes(each))];
  return inOrder.flatMap((feature) =>
    feature.pages
      .filter((page) => !page.path.includes("$") && !page.isHidden)
      .map((page): Found => {
        const place = feature.rail?.name ?? feature.under;
        const isPlace = page.path === feature.rail?.path;
        return { title: isPlace && place ? place : page.title, kind: isPlace || !place ? "page" : `page of ${place}`, path: page.path };
      }),
  );
}
