import { Folded, Message, Picture, ToolCall, ToolResult, Words } from "@/core/Message";
import { Verbatim } from "@/core/Text";
import type { Part, Said } from "./conversation";

/** Messages in their order, each part as what it is. */
export function Conversation({ said, asWritten }: { said: Said[]; asWritten: boolean }) {
  return said.map((each, place) => (
    <Message key={place} role={each.role}>
      {each.parts.map((part, number) => (
        <OnePart key={number} part={part} asWritten={asWritten} />
      ))}
    </Message>
  ));
}

function OnePart({ part, asWritten }: { part: Part; asWritten: boolean }) {
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
      return <ToolResult id={part.id} text={part.text} />;
    case "image":
      return <Picture source={part.source} />;
    case "value":
      return <Verbatim text={part.text} label="value" />;
    case "other":
      return (
        <Folded title={part.name} isOpen={part.name === "error" || part.name === "refusal"}>
          <Words text={part.text} asWritten />
        </Folded>
      );
  }
}
