import { useCallback, useMemo } from "react";
import { count } from "@/core/format";
import { Loading } from "@/core/States";
import { Text } from "@/core/Text";
import { Duration, Instant } from "@/core/Values";
import { useView } from "@/shell/view";
import { type Line, drawn, linesOf, windowOf } from "./lines";
import type { SpanPage } from "./useTrace";
import { Waterfall } from "./Waterfall";

const NONE: ReadonlySet<string> = new Set();
const nothing = () => undefined;

/** The first steps of a huge trace, while the rest of it is on its way. */
export function FirstSteps({ page }: { page: SpanPage }) {
  const { search, set } = useView();
  const lines = useMemo(() => linesOf(drawn(page.items)), [page.items]);
  const window = useMemo(() => windowOf(search["zoom"], page.duration_ms), [search, page.duration_ms]);
  const open = useCallback((line: Line) => set({ span: line.key }), [set]);
  return (
    <div className="hg-trace">
      <header className="hg-call-head">
        <h1>{page.name ? <Text>{page.name}</Text> : "A trace without a name"}</h1>
        <span className="hg-soft">
          <Instant at={page.started_at} />
        </span>
        <Duration ms={page.duration_ms} />
      </header>
      <div className="hg-trace-bar">
        <span className="hg-soft" role="status">
          the first {count(lines.length)} of {count(page.span_count)} steps; the others are on their way
        </span>
      </div>
      <div className="hg-trace-columns">
        <Waterfall
          shown={lines}
          folded={NONE}
          chosen={search["span"] ?? null}
          window={window}
          onChoose={open}
          onFold={nothing}
          onZoom={nothing}
        />
        <aside className="hg-side" aria-label="the rest of the trace">
          <Loading what="the rest of the trace" />
        </aside>
      </div>
    </div>
  );
}
