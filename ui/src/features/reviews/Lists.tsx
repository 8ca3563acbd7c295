import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useKeyNames } from "../access/useKeys";
import { More } from "../evaluation/More";
import { markOf, pathOf, RULES } from "./judgeWords";
import { type ReviewItem, useMarked, useQueue } from "./useReviews";

interface Of {
  judge: string;
  project: string;
}

/** What waits for people. Why it is there isn't said: that would tell what the judge thought. */
export function WaitingList({ judge, project }: Of) {
  const mayMark = useMay("reviews:write");
  const pages = useQueue(judge, project, "open");
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Answered of={pages} what="the queue">
      {() =>
        items.length === 0 ? (
          <Empty title="Nothing waits to be marked">
            <p className="hg-soft">
              What the judge marks comes here by chance; send answers by hand from a call&apos;s page, or with{" "}
              <code>headgate reviews add</code>.
            </p>
          </Empty>
        ) : (
          <>
            <table className="hg-small-table" aria-label="waiting for people">
              <thead>
                <tr>
                  <th scope="col">Answer</th>
                  <th scope="col">Marked</th>
                  <th scope="col">Chosen</th>
                  {mayMark && (
                    <th scope="col">
                      <span className="hg-visually-hidden">What to do</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr key={item.id}>
                    <th scope="row">
                      <Subject of={item} project={project} />
                    </th>
                    <td className="hg-number">
                      {item.marked} of {item.wanted} {item.mine && <span className="hg-soft">you have</span>}
                    </td>
                    <td>{item.chosen_at && <Instant at={item.chosen_at} />}</td>
                    {mayMark && (
                      <td className="hg-actions">
                        <To path={`${pathOf(judge)}/mark`} filter={{ of: project, item: item.id }} className="hg-button">
                          Mark this one
                        </To>
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
            <More of={pages} />
          </>
        )
      }
    </Answered>
  );
}

/** What people have marked, beside what the judge said. */
export function MarkedList({ judge, project, scale }: Of & { scale: string }) {
  const pages = useMarked(judge, project);
  const nameOf = useKeyNames();
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Answered of={pages} what="the marks">
      {() =>
        items.length === 0 ? (
          <Empty title="Nobody has marked anything yet">
            <p className="hg-soft">With thirty answers that people and the judge have marked, its agreement has an interval.</p>
          </Empty>
        ) : (
          <>
            <table className="hg-small-table" aria-label="marked by people">
              <thead>
                <tr>
                  <th scope="col">Answer</th>
                  <th scope="col">People</th>
                  <th scope="col">The judge</th>
                  <th scope="col">Why it was chosen</th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => {
                  const people = each.marks.filter((mark) => mark.source === "person");
                  const judged = each.marks.filter((mark) => mark.source !== "person");
                  return (
                    <tr key={each.item.id}>
                      <th scope="row">
                        <Subject of={each.item} project={project} />
                        {each.content?.output && <div className="hg-soft hg-excerpt">{<Text>{each.content.output.slice(0, 160)}</Text>}</div>}
                      </th>
                      <td>
                        {people.map((mark) => (
                          <div key={mark.by + mark.at}>
                            {markOf(mark.value, scale, "")} <span className="hg-soft">by {nameOf(mark.by)}</span>
                            {mark.comment && <div className="hg-soft"><Text>{mark.comment}</Text></div>}
                          </div>
                        ))}
                      </td>
                      <td>
                        {judged.length === 0 && <span className="hg-soft">has not marked it</span>}
                        {judged.map((mark) => (
                          <div key={mark.version + mark.shown + mark.repeat}>
                            {markOf(mark.value, scale, "")}
                            {mark.comment && <div className="hg-soft"><Text>{mark.comment}</Text></div>}
                          </div>
                        ))}
                      </td>
                      <td>{RULES[each.chosen] ?? each.chosen}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
            <More of={pages} />
          </>
        )
      }
    </Answered>
  );
}

/** Which answer it is, as a link to where it stands. */
export function Subject({ of, project }: { of: ReviewItem; project: string }) {
  if (of.subject === "pair") {
    // Without links to its calls: which of them is which would tell more than the answers do.
    return <span>pair {of.case ? <Text>{of.case}</Text> : <code>{of.id.slice(-12)}</code>}</span>;
  }
  if (of.request_id) {
    return (
      <To path={`/requests/${of.request_id}`}>
        call <code>{of.request_id.slice(-12)}</code>
      </To>
    );
  }
  if (of.trace_id) {
    return (
      <To path={`/traces/${of.trace_id}`} filter={{ of: project, ...(of.span_id ? { span: of.span_id } : {}) }}>
        step <code>{of.span_id ?? of.trace_id.slice(0, 12)}</code>
      </To>
    );
  }
  return (
    <span>
      case <Text>{of.case ?? ""}</Text>
    </span>
  );
}
