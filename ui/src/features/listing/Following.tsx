import { State } from "@/core/Values";
import type { Tail } from "./useTail";

interface FollowingProps {
  tail: Pick<Tail<unknown>, "waiting" | "release" | "isConnected">;
  isLive: boolean;
  /** One of what comes in, and several. */
  nouns: [string, string];
}

/** Whether the list follows; and what has come in while one read further down. */
export function Following({ tail, isLive, nouns }: FollowingProps) {
  if (tail.waiting > 0) {
    return (
      <button type="button" className="hg-new-rows" onClick={tail.release}>
        {tail.waiting} new {nouns[tail.waiting === 1 ? 0 : 1]}: show
      </button>
    );
  }
  return (
    <p className="hg-following" role="status">
      {isLive ? (
        <State tone={tail.isConnected ? "good" : "warn"}>{tail.isConnected ? "follows" : "connecting …"}</State>
      ) : (
        <State tone="quiet">does not follow</State>
      )}
    </p>
  );
}
