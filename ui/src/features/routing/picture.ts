// A name that clients ask for, as a picture of where its calls go. Pure.

import type { Schemas } from "@/api";
import type { Branch } from "@/core/Flow";
import { duration, money, percent } from "@/core/format";

export type Model = Schemas["ModelView"];
type Target = Schemas["headgate.config.http.TargetView"];

const WAYS: Record<string, string> = {
  fallback: "one after the other",
  weighted: "drawn by weight",
  fastest: "the quicker of two",
  cheapest: "the cheapest first",
};

export function wayOf(model: Model): string {
  return WAYS[model.strategy] ?? "";
}

/** What a breaker's state means for calls. */
export function toneOf(state: string): Branch["tone"] {
  switch (state) {
    case "closed":
      return "good";
    case "half-open":
      return "warn";
    case "open":
    case "no key":
      return "bad";
    default:
      return "quiet";
  }
}

export const STATES: Record<string, string> = {
  closed: "well",
  "half-open": "on trial",
  open: "given a rest",
  "no key": "no key",
  unknown: "not called yet",
};

/** Whether the targets are tried in the order in which they stand there. */
export function isInTurn(model: Model): boolean {
  return model.strategy === "fallback" && model.targets.length > 1;
}

export function branchesOf(model: Model): Branch[] {
  const usable = model.details.filter((each) => each.excluded === null);
  const sum = usable.reduce((all, each) => all + each.weight, 0);
  return model.details.map((target, place) => ({
    id: `${place} ${target.target}`,
    title: target.target,
    note: noteOf(target),
    said: saidOf(model, target, place, sum),
    weight: weightOf(model, target, place, sum),
    tone: toneOf(target.state),
    state: STATES[target.state] ?? target.state,
    excluded: target.excluded,
  }));
}

function noteOf(target: Target): string {
  const regions = target.regions.length > 0 ? target.regions.join(", ") : "regions unknown";
  const parts = [
    regions,
    target.latency_ms === null ? "" : duration(target.latency_ms),
    target.calls_in_flight ? `${target.calls_in_flight} with it` : "",
    priceOf(target),
  ];
  return parts.filter((each) => each !== "").join(" · ");
}

function priceOf(target: Target): string {
  const price = target.price?.per_million_usd;
  return price?.["input"] ? `${money(price["input"])} in, ${price["output"] ? money(price["output"]) : "?"} out` : "no price known";
}

function saidOf(model: Model, target: Target, place: number, sum: number): string {
  if (target.excluded !== null) {
    return "";
  }
  switch (model.strategy) {
    case "weighted":
      return sum > 0 ? percent(target.weight / sum) : "";
    case "fallback":
      return model.targets.length > 1 ? (place === 0 ? "first" : "on failure") : "";
    case "fastest":
      return target.latency_ms === null ? "not seen" : duration(target.latency_ms);
    default:
      return "";
  }
}

function weightOf(model: Model, target: Target, place: number, sum: number): number {
  if (model.strategy === "weighted") {
    return sum > 0 ? target.weight / sum : 0;
  }
  return model.strategy === "fallback" && place > 0 ? 0.1 : 0.5;
}

/** The same in words, for those who don't see the picture. */
export function sentenceOf(model: Model): string {
  const ends = branchesOf(model).map((branch) =>
    branch.excluded === null
      ? `${branch.title}${branch.said ? `, ${branch.said}` : ""}: ${branch.state}, ${branch.note}`
      : `${branch.title} is excluded: ${branch.excluded}`,
  );
  return `${model.id} goes by ${model.strategy} to: ${ends.join("; ")}.`;
}
