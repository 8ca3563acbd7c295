import { moment } from "@/core/format";
import { Text } from "@/core/Text";
import { FEATURES, type RailName } from "@/shell/registry";
import { To } from "@/shell/To";
import { type Patch, useShared } from "@/shell/view";
import { type Change, useMarks } from "../series/useMarks";

const SHOWN_MAX = 12;
const AROUND_MS = 15 * 60_000;

const PAGES: Partial<Record<Change["kind"], [RailName, string]>> = {
  release: ["Releases", ""],
  prompt: ["Prompts", ""],
  rule: ["Routing", "/rules"],
};

/** Pages without a place of their own in the rail, or that show all of a kind. */
const BESIDE: Partial<Record<Change["kind"], (subject: string) => string>> = {
  rollout: (subject) => `/rollouts/${encodeURIComponent(subject)}`,
  drift: () => "/drift",
  configuration: () => "/settings",
  incident: () => "/routing/providers",
};

/** Where a change is explained; where no page does, the calls around it. */
function placeOf(change: Change): { path: string; filter: Patch } {
  const [rail, below] = PAGES[change.kind] ?? [];
  const page = FEATURES.find((each) => each.rail && each.rail.name === rail)?.rail?.path;
  if (page !== undefined && change.subject !== "") {
    return { path: `${page}${below}/${encodeURIComponent(change.subject)}`, filter: { of: change.project } };
  }
  const beside = BESIDE[change.kind];
  if (beside !== undefined) {
    return { path: beside(change.subject), filter: {} };
  }
  const at = Date.parse(change.at);
  const [from, to] = [at - AROUND_MS, at + AROUND_MS].map((each) => new Date(each).toISOString());
  return { path: "/requests", filter: { from, to, range: null } };
}

/** The marks of the charts in words, the newest first. */
export function WhatChanged() {
  const changes = useMarks(useShared());
  const shown = changes.slice(-SHOWN_MAX).reverse();
  return (
    <section className="hg-stands-out" aria-label="what changed">
      <h2>What changed</h2>
      <ul>
        {shown.map((change, place) => (
          <li key={`${change.at} ${place}`}>
            <time className="hg-soft hg-number" dateTime={change.at}>
              {moment(change.at)}
            </time>{" "}
            <To {...placeOf(change)}>
              <Text>{change.name}</Text>
            </To>
          </li>
        ))}
        {shown.length === 0 && <li className="hg-soft">Nothing: no release, rule, prompt or configuration.</li>}
      </ul>
      {changes.length > shown.length && (
        <p className="hg-soft">and {changes.length - shown.length} before them; the charts mark each.</p>
      )}
    </section>
  );
}
