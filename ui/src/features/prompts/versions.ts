// The versions of a prompt in one form, wherever it lives. Pure.

import type { Schemas } from "@/api";
import { day } from "@/core/format";

type Code = Schemas["PromptDetail"];
type Managed = Schemas["ManagedPromptView"];

export interface Version {
  id: string;
  title: string;
  when: string;
  who: string;
  /** Null where it has to be asked for. */
  text: string | null;
  isNewest: boolean;
  /** Where it begins in its file. */
  line: number | null;
  notes: string[];
}

export function ofCode(prompt: Code): Version[] {
  return prompt.versions.map((each) => ({
    id: each.version,
    title: each.version,
    when: each.first_at ? day(each.first_at) : "undated",
    who: `since ${each.first_commit.slice(0, 10)}${each.is_newest ? "" : `, until ${each.last_commit.slice(0, 10)}`}`,
    text: each.text,
    isNewest: each.is_newest,
    line: each.line,
    notes: [...(each.is_newest ? ["in the code now"] : []), `line ${each.line}`],
  }));
}

export function ofManaged(prompt: Managed): Version[] {
  return prompt.versions.map((each) => ({
    id: String(each.version),
    title: `version ${each.version}`,
    when: day(each.created_at),
    who: `by ${each.created_by}`,
    text: null,
    isNewest: each.version === prompt.newest.version,
    line: null,
    notes: [...each.labels, ...(each.note ? [each.note] : [])],
  }));
}

/** A managed version as one text, its parameters beneath: what a difference is made of. */
export function textOf(version: Schemas["ManagedVersionView"]): string {
  const said = version.messages.map((message) => `[${message.role}]\n${message.content}`);
  const shown = (name: string, value: unknown): string => `${name}: ${JSON.stringify(value, null, 2)}`;
  const more = [
    version.model ? `model: ${version.model}` : "",
    Object.keys(version.parameters).length > 0 ? shown("parameters", version.parameters) : "",
    version.tools.length > 0 ? shown("tools", version.tools) : "",
    version.response_schema ? shown("answer", version.response_schema) : "",
  ];
  return [...said, ...more.filter((each) => each !== "")].join("\n\n");
}
