import { Folded, Message, Picture, ToolCall, ToolResult, Words } from "@/core/Message";
import { Painted, type Stretch } from "@/core/Painted";
import { Verbatim } from "@/core/Text";
import type { Part, Said } from "./conversation";

interface Shown {
  said: Said[];
  asWritten: boolean;
  /** Where the text of a message came from, stretch by stretch; then its texts are shown so. */
  stretchesOf?: (said: Said) => Stretch[] | undefined;
}

const OPEN = ["error", "refusal", "transcript"];

/** Messages in their order, each part as what it is. */
export function Conversation({ said, asWritten, stretchesOf }: Shown) {
  return said.map((each, place) => {
    const stretches = stretchesOf?.(each);
    const parts = stretches ? each.parts.filter((part) => part.kind !== "text") : each.parts;
    return (
      <Message key={place} role={each.role} which={each.which}>
        {stretches && <Painted stretches={stretches} />}
        {parts.map((part, number) => (
          <OnePart key={number} part={part} asWritten={asWritten} isPainted={stretchesOf !== undefined} />
        ))}
      </Message>
    );
  });
}

function OnePart({ part, asWritten, isPainted }: { part: Part; asWritten: boolean; isPainted: boolean }) {
  switch (part.kind) {
    case "text":
      return <Words text={part.text} asWritten={asWritten} />;
    case "reasoning":
      return (
        <Folded title="Reasoning">
          <Words text={part.text} asWritten={asWritten} />
        </Folded>
      );
    case "tool-call":
      return <ToolCall name={part.name} id={part.id} text={part.arguments} />;
    case "tool-result":
      return (
        <div className={isPainted ? "hg-origin-tool-result" : undefined}>
          <ToolResult id={part.id} text={part.text} pictures={part.pictures} />
        </div>
      );
    case "image":
      return <Picture source={part.source} />;
    case "value":
      return <Verbatim text={part.text} label="value" />;
    case "other":
      return (
        <Folded title={part.name} isOpen={OPEN.includes(part.name)}>
          <Words text={part.text} asWritten />
        </Folded>
      );
  }
}
