// Releases and what differs between two, in words and lanes. Pure.

import type { Schemas } from "@/api";
import type { Stretch } from "@/core/Lanes";
import { count, duration, money, percent } from "@/core/format";

export type Release = Schemas["ReleaseView"];
export type Environment = Schemas["EnvironmentView"];
export type Move = Schemas["MoveView"];
export type Difference = Schemas["Difference"];
export type Measure = Schemas["Measure"];

/** What a person calls it: its name, else the beginning of its commit. */
export function titleOf(release: Pick<Release, "name" | "commit">): string {
  return release.name ?? release.commit.slice(0, 8);
}

/** The titles of releases by their ids; one that isn't there goes by the beginning of its id. */
export function titlesOf(releases: readonly Release[]): (id: string) => string {
  const titles = new Map(releases.map((each) => [each.id, titleOf(each)]));
  return (id) => titles.get(id) ?? id.slice(0, 12);
}

/** Which release held when in an environment, from its moves, the newest first. */
export function stretchesOf(moves: readonly Move[], begin: number, end: number, name: (id: string) => string): Stretch[] {
  const oldestFirst = [...moves].reverse();
  const held = oldestFirst.map((move, place): Stretch => {
    const next = oldestFirst[place + 1];
    const title = move.release === null ? "no release" : name(move.release);
    return {
      id: `${place} ${move.at}`,
      from: Date.parse(move.at),
      to: next ? Date.parse(next.at) : end,
      title,
      hint: `${title}: ${VERBS[move.action] ?? move.action} ${move.at}${move.why ? `, ${move.why}` : ""}`,
      isEmpty: move.release === null,
      isLast: next === undefined && move.release !== null,
    };
  });
  return held.filter((each) => each.to > begin && each.from < end);
}

export const VERBS: Record<string, string> = {
  promote: "promoted",
  rollback: "rolled back",
  clear: "taken off",
};

/** The release that a rollback goes back to, as the server finds it; null where there is none. */
export function releaseBefore(moves: readonly Move[]): string | null {
  const stood: string[] = [];
  for (const move of [...moves].reverse()) {
    const release = move.release ?? "";
    const known = stood.indexOf(release);
    if (move.action === "rollback" && known >= 0) {
      stood.length = known + 1;
    } else {
      stood.push(release);
    }
  }
  const now = stood.at(-1);
  const earlier = stood.slice(0, -1).filter((each) => each !== "" && each !== now);
  return earlier.at(-1) ?? null;
}

/** A unified diff's two sides as texts; what stands between its pieces is left out. */
export function sidesOf(diff: string): { before: string; after: string } {
  const before: string[] = [];
  const after: string[] = [];
  for (const line of diff.split("\n")) {
    const sign = line[0];
    if (line.startsWith("@@")) {
      if (before.length > 0 || after.length > 0) {
        before.push("⋯");
        after.push("⋯");
      }
    } else if (sign === "-") {
      before.push(line.slice(1));
    } else if (sign === "+") {
      after.push(line.slice(1));
    } else {
      before.push(line.slice(1));
      after.push(line.slice(1));
    }
  }
  return { before: before.join("\n"), after: after.join("\n") };
}

const PARTS: [Difference["part"], string][] = [
  ["prompts", "Prompts in code"],
  ["managed", "Managed prompts"],
  ["parameters", "Parameters"],
  ["rules", "Rules"],
  ["pins", "Pinned models"],
  ["models", "Models that the code names"],
  ["tools", "Tools"],
  ["dependencies", "Dependencies"],
  ["prices", "Prices"],
  ["commit", "Commit"],
];

/** Differences by part, in the order in which people ask for them. */
export function partsOf(differences: readonly Difference[]): { title: string; items: Difference[] }[] {
  return PARTS.map(([part, title]) => ({ title, items: differences.filter((each) => each.part === part) })).filter(
    (each) => each.items.length > 0,
  );
}

/** How many of what differ, in a line: "2 prompts, 1 rule". */
export function countsOf(differences: readonly Difference[]): string {
  const nouns: Partial<Record<Difference["part"], string>> = {
    prompts: "prompt",
    managed: "managed prompt",
    parameters: "parameter",
    rules: "rule",
    pins: "pinned model",
    models: "model",
    tools: "tool",
  };
  const said = Object.entries(nouns).flatMap(([part, noun]) => {
    const number = differences.filter((each) => each.part === part).length;
    return number === 0 ? [] : [`${number} ${noun}${number === 1 ? "" : "s"}`];
  });
  const dependencies = differences.filter((each) => each.part === "dependencies").length;
  return [...said, ...(dependencies > 0 ? [`${dependencies} ${dependencies === 1 ? "dependency" : "dependencies"}`] : [])].join(", ");
}

/** An amount of a measure, in its unit; what isn't known says so. */
export function amountOf(value: number | string | null, unit: Measure["unit"], isChange = false): string {
  if (value === null) {
    return "?";
  }
  const number = Number(value);
  const sign = isChange && number > 0 ? "+" : "";
  switch (unit) {
    case "share":
      return isChange ? `${sign}${(number * 100).toFixed(1)} points` : percent(number);
    case "ms":
      return `${sign}${number < 0 ? "−" : ""}${duration(Math.abs(number))}`;
    case "usd":
      return `${sign}${number < 0 ? "−" : ""}${money(Math.abs(number))}`;
    case "tokens":
      return `${sign}${count(number)}`;
    case "calls_an_hour":
      return `${sign}${number.toFixed(1)}/h`;
    case "score":
      return `${sign}${number.toFixed(2)}`;
  }
}

/** A number of an estimate; null where nothing bounds it. */
export function numberOf(value: number | string | null): number | null {
  return value === null ? null : Number(value);
}
