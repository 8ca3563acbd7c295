// What a rule says, in words. Pure.

import type { Schemas } from "@/api";

export type Rule = Schemas["RuleView"];

/** Which calls it is for; nothing where it is for all. */
export function matchOf(rule: Rule): string[] {
  const { project, template, model, tag, headers } = rule.match;
  const parts: [string, string | null | undefined][] = [
    ["project", project],
    ["prompt", template],
    ["model", model],
    ["tag", tag],
  ];
  return [
    ...parts.flatMap(([name, value]) => (value ? [`${name} ${value}`] : [])),
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
}

/** What becomes of them. */
export function actionsOf(rule: Rule): string[] {
  return [
    ...Object.entries(rule.set as Record<string, unknown>).map(([name, value]) => `${name} becomes ${JSON.stringify(value)}`),
    ...rule.remove.map((name) => `${name} is taken out`),
    ...Object.entries(rule.clamp).map(([name, clamp]) => `${name} is ${boundsOf(clamp)}`),
    ...rule.replace.map((each) => `“${short(each.old)}” becomes “${short(each.new)}”`),
    ...(rule.model ? [`the call goes to ${rule.model}`] : []),
  ];
}

function boundsOf(clamp: { least?: number | null; most?: number | null }): string {
  const least = clamp.least ?? null;
  const most = clamp.most ?? null;
  if (least !== null && most !== null) {
    return `kept from ${least} to ${most}`;
  }
  return most === null ? `at least ${least}` : `at most ${most}`;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** A version as text, so that two can stand side by side. */
export function textOf(rule: Rule): string {
  const { version: _, template_versions: __, ...said } = rule;
  return JSON.stringify(said, null, 2);
}
