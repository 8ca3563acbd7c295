import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import type { Patch } from "@/shell/view";

const CALLS = /\d[\d,]*(?: of \d[\d,]*)? calls?\b/;

/** A sentence of the server, in which the first count of calls leads to these. */
export function WithCalls({ sentence, filter }: { sentence: string; filter: Patch }) {
  const counted = CALLS.exec(sentence);
  if (!counted) {
    return <Text>{sentence}</Text>;
  }
  const [calls] = counted;
  return (
    <span className="hg-underlined">
      <Text>{sentence.slice(0, counted.index)}</Text>
      <To path="/requests" filter={filter}>
        {calls}
      </To>
      <Text>{sentence.slice(counted.index + calls.length)}</Text>
    </span>
  );
}
