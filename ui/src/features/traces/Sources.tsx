import { useMemo } from "react";
import { count, percent } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { useView } from "@/shell/view";
import { KindSign } from "./Kind";
import { type Context, type Lineage, type Link, SOURCES, linksOf, wayBack } from "./lineage";
import type { Line } from "./lines";
import { useLineage } from "./useLineage";
import { type TraceDetail, useSpan } from "./useTrace";

const SHOWN = 30;

interface SourcesProps {
  detail: TraceDetail;
  line: Line;
  /** All lines, by their keys. */
  named: ReadonlyMap<string, Line>;
}

/** Where what a step read came from, what its answer goes back to, and where its output was used. */
export function Sources({ detail, line, named }: SourcesProps) {
  const lineage = useLineage(detail, true);
  return (
    <Answered of={lineage} what="where it came from">
      {(found) => <Found detail={detail} line={line} named={named} lineage={found} />}
    </Answered>
  );
}

function Found({ detail, line, named, lineage }: SourcesProps & { lineage: Lineage }) {
  const span = useSpan(detail, line.node.span_id);
  const content = span.isPlaceholderData ? undefined : span.data?.content;
  const context = lineage.contexts.find((each) => each.span === line.key);
  const into = useMemo(() => linksOf(lineage.edges, line.key, "into", content), [lineage, line.key, content]);
  const out = useMemo(() => linksOf(lineage.edges, line.key, "out", content), [lineage, line.key, content]);
  const way = useMemo(() => wayBack(lineage.edges, line.key), [lineage, line.key]);
  const left = Object.values(lineage.left_out).reduce((sum, each) => sum + each, 0);
  return (
    <div className="hg-sources">
      {way.length > 1 && <WayBack way={way} named={named} />}
      {context && <Shares context={context} named={named} />}
      <Links title="Goes back to" links={into} named={named} />
      <Links title="Used in" links={out} named={named} />
      {into.length + out.length === 0 && !context && (
        <p className="hg-soft">No text of another step stands in this one, and none of this one in another.</p>
      )}
      {left > 0 && <p className="hg-soft">The trace is large: not all of its texts were looked at.</p>}
    </div>
  );
}

function StepLink({ to, named, children }: { to: string; named: ReadonlyMap<string, Line>; children?: React.ReactNode }) {
  const { set } = useView();
  const line = named.get(to);
  if (!line) {
    return <span className="hg-soft">a step that is not shown</span>;
  }
  return (
    <button type="button" className="hg-link hg-step-link" onClick={() => set({ span: to, tab: "sources" })}>
      <KindSign kind={line.node.kind} /> <Text>{line.node.name || "a step without a name"}</Text>
      {children}
    </button>
  );
}

/** From its origin to this step, each one step on. */
function WayBack({ way, named }: { way: string[]; named: ReadonlyMap<string, Line> }) {
  return (
    <section aria-label="the way back">
      <h3>The way back</h3>
      <ol className="hg-way">
        {way.slice(1).map((key) => (
          <li key={key}>
            <span aria-hidden="true">← </span>
            <StepLink to={key} named={named} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** What a model read, by where it came from. */
function Shares({ context, named }: { context: Context; named: ReadonlyMap<string, Line> }) {
  const shares = [...context.shares].sort((one, other) => other.share - one.share);
  return (
    <section aria-label="what it read">
      <h3>
        What it read{" "}
        <span className="hg-soft">
          {context.input_tokens === null ? `${count(context.characters)} characters` : `${count(context.input_tokens)} tokens`}
        </span>
      </h3>
      <div className="hg-shares" aria-hidden="true">
        {shares.map((share, place) => (
          <span key={place} style={{ width: `${share.share * 100}%`, background: `var(--hg-${SOURCES[share.source].colour})` }} />
        ))}
      </div>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="hg-right">
              Share
            </th>
            <th scope="col" className="hg-right">
              Tokens
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.slice(0, SHOWN).map((share, place) => (
            <tr key={place}>
              <th scope="row">
                <span className="hg-swatch" style={{ background: `var(--hg-${SOURCES[share.source].colour})` }} aria-hidden="true" />{" "}
                {SOURCES[share.source].word}
                {share.name && (
                  <>
                    : <Text>{share.name}</Text>
                  </>
                )}
                {share.from_span && share.from_span !== context.span && (
                  <div className="hg-of">
                    <StepLink to={share.from_span} named={named} />
                  </div>
                )}
              </th>
              <td className="hg-right hg-number">{percent(share.share)}</td>
              <td className="hg-right hg-number">
                {share.tokens_estimated === null ? "–" : `≈${count(share.tokens_estimated)}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Links({ title, links, named }: { title: string; links: Link[]; named: ReadonlyMap<string, Line> }) {
  if (links.length === 0) {
    return null;
  }
  return (
    <section aria-label={title.toLowerCase()}>
      <h3>{title}</h3>
      <ul className="hg-source-links">
        {links.slice(0, SHOWN).map((link) => (
          <li key={link.key}>
            <div className="hg-source-head">
              <StepLink to={link.key} named={named} />
              <span className="hg-soft hg-number">
                {link.how === "structure" && link.share === 0 ? "by its id" : percent(link.share)}
                {link.isRepeated && ", as before"}
              </span>
            </div>
            {link.quote && (
              <q className="hg-quote">
                <Text>{link.quote}</Text>
              </q>
            )}
          </li>
        ))}
      </ul>
      {links.length > SHOWN && <p className="hg-soft">and {count(links.length - SHOWN)} more</p>}
    </section>
  );
}
