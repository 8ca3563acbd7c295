import { State, type Tone } from "@/core/Values";

const STATES: Record<string, [Tone, string]> = {
  current: ["good", "runs as in the code"],
  differs: ["warn", "another version runs"],
  gone: ["quiet", "gone from the code"],
  unused: ["quiet", "not seen"],
};

export function PromptState({ state }: { state: string | null }) {
  const known = state === null ? undefined : STATES[state];
  return known ? <State tone={known[0]}>{known[1]}</State> : null;
}
