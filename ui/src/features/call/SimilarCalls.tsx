import { Popover } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { count, duration, span } from "@/core/format";
import { Answered } from "@/core/States";
import { Status } from "@/core/Values";
import { To } from "@/shell/To";
import type { Detail } from "./detail";

type Similar = Schemas["Similar"];

/** What one opens next from a call: its neighbours, and lists of calls like it, each with how many it has. */
export function SimilarCalls({ detail }: { detail: Detail }) {
  const [isOpen, setOpen] = useState(false);
  const similar = useQuery({
    queryKey: ["similar", detail.id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/requests/{request_id}/similar", { params: { path: { request_id: detail.id } }, signal })),
    enabled: isOpen,
    staleTime: 10_000,
  });
  return (
    <Popover position="bottom-end" shadow="md" width={340} trapFocus withinPortal={false} opened={isOpen} onChange={setOpen}>
      <Popover.Target>
        <button type="button" className="hg-button" onClick={() => setOpen(!isOpen)}>
          <IconSearch size={14} stroke={1.6} aria-hidden="true" /> Similar calls
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label="similar calls">
        <Answered of={similar} what="similar calls">
          {(found) => <Shown found={found} detail={detail} onOpen={() => setOpen(false)} />}
        </Answered>
      </Popover.Dropdown>
    </Popover>
  );
}

function Shown({ found, detail, onOpen }: { found: Similar; detail: Detail; onOpen: () => void }) {
  const empty = found.neighbours.length === 0 && found.lists.length === 0;
  return (
    <div onClick={onOpen}>
      {found.neighbours.length > 0 && (
        <ul className="hg-similar" aria-label="before and after">
          {found.neighbours.map((each) => (
            <li key={each.kind}>
              <To path={`/requests/${each.id}`}>{NEIGHBOURS[each.kind]}</To>
              <span className="hg-soft">{away(each, detail)}</span>
              <Status status={each.status} code={null} />
            </li>
          ))}
        </ul>
      )}
      {found.lists.length > 0 && (
        <ul className="hg-similar" aria-label="calls like this one">
          {found.lists.map((each) => (
            <Row key={each.kind} list={each} found={found} detail={detail} />
          ))}
        </ul>
      )}
      <p className="hg-soft">{empty ? "It names no prompt, user or session, and its messages are not on record." : "Within a day of this call."}</p>
    </div>
  );
}

function Row({ list, found, detail }: { list: Similar["lists"][number]; found: Similar; detail: Detail }) {
  const others = list.calls === null ? null : list.calls - (list.holds_itself ? 1 : 0);
  const title = titleOf(list.kind, detail);
  if (others === 0) {
    return (
      <li>
        <span>{title}</span>
        <span className="hg-soft">{list.holds_itself ? "only this one" : "none"}</span>
      </li>
    );
  }
  const many = list.calls !== null && list.calls > list.counted_max;
  return (
    <li>
      <To path="/requests" filter={{ ...list.filters, environment: null, range: null, from: found.begin, to: found.end }}>
        {title}
      </To>
      <span className="hg-number hg-soft">
        {list.calls === null ? "not counted" : many ? `more than ${count(list.counted_max)}` : count(list.calls)}
      </span>
    </li>
  );
}

const NEIGHBOURS: Record<Similar["neighbours"][number]["kind"], string> = {
  session_before: "The session's call before",
  session_after: "The session's next call",
  user_before: "The user's call before",
  user_after: "The user's next call",
};

function titleOf(kind: Similar["lists"][number]["kind"], detail: Detail): string {
  switch (kind) {
    case "request":
      return "Same request, byte for byte";
    case "opening":
      return "Same opening";
    case "prompt":
      return "Same prompt and version";
    case "prompt_slower":
      return `Same prompt, slower than ${duration(detail.duration_ms)}`;
    case "target_slower":
      return `Same model and target, slower than ${duration(detail.duration_ms)}`;
    case "error":
      return `Same error: ${detail.code}`;
    case "ending":
      return `Same model, ended by ${detail.finish}`;
  }
}

/** How far another call is, as a person would say it. */
function away(other: Similar["neighbours"][number], detail: Detail): string {
  const ms = Math.abs(Date.parse(other.started_at) - Date.parse(detail.started_at));
  return `${ms < 60_000 ? duration(ms) : span(ms)} ${other.kind.endsWith("_after") ? "later" : "before"}`;
}
