import {
  IconArrowsSort,
  IconCheckbox,
  IconDatabaseSearch,
  IconMessage2,
  IconPoint,
  IconRobot,
  IconRoute,
  IconShieldCheck,
  IconTemplate,
  IconTool,
  IconVector,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Kind } from "./lines";

type Icon = ComponentType<{ size?: number; stroke?: number; "aria-hidden"?: "true" }>;

/** How each kind of step is drawn: its sign, the colour of its bar, and its word. */
export const KINDS: Record<Kind, { icon: Icon; colour: string; word: string }> = {
  llm: { icon: IconMessage2, colour: "blue", word: "call of a model" },
  embedding: { icon: IconVector, colour: "sky", word: "embedding" },
  reranker: { icon: IconArrowsSort, colour: "sky", word: "reranker" },
  tool: { icon: IconTool, colour: "orange", word: "tool" },
  retriever: { icon: IconDatabaseSearch, colour: "green", word: "retriever" },
  agent: { icon: IconRobot, colour: "purple", word: "agent" },
  workflow: { icon: IconRoute, colour: "purple", word: "workflow" },
  guardrail: { icon: IconShieldCheck, colour: "yellow", word: "guardrail" },
  evaluator: { icon: IconCheckbox, colour: "yellow", word: "evaluator" },
  prompt: { icon: IconTemplate, colour: "plain", word: "prompt" },
  span: { icon: IconPoint, colour: "plain", word: "step" },
};

export function KindSign({ kind }: { kind: Kind }) {
  const { icon: Icon, colour, word } = KINDS[kind];
  return (
    <span className={`hg-kind hg-kind-${colour}`} title={word}>
      <Icon size={14} stroke={1.7} aria-hidden="true" />
      <span className="hg-visually-hidden">{word}: </span>
    </span>
  );
}
