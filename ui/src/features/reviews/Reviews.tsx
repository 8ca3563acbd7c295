import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Name } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { pathOf, SCALES, type Scale } from "./judgeWords";
import { type JudgeItem, useJudges } from "./useReviews";

/** The judges that there are, and what waits for people to mark. */
export default function Reviews() {
  const view = useShared();
  const judges = useJudges(view);
  return (
    <EvaluationPages>
      <Answered of={judges} what="judges">
        {({ items }) => {
          const shown = view.project ? items.filter((each) => each.project === view.project) : items;
          return shown.length === 0 ? <NoJudges /> : <List items={shown} />;
        }}
      </Answered>
    </EvaluationPages>
  );
}

function NoJudges() {
  return (
    <Empty title="No judge has been defined yet">
      <p className="hg-soft">A judge is a model that marks answers. What it says is worth what people agree with, so write one as a file:</p>
      <pre className="hg-paste">{`name = "helpful"
model = "assistant"
scale = "yes_no"
rubric = "Does the answer solve what was asked?"

[review]
random = 0.05   # people mark one in twenty`}</pre>
      <p>
        <code>headgate judges define helpful.toml</code>
      </p>
      <p className="hg-soft">Send it answers with the API or from a call&apos;s page; the queue stands here, and then how far it can be trusted.</p>
    </Empty>
  );
}

function List({ items }: { items: JudgeItem[] }) {
  const mayMark = useMay("reviews:write");
  return (
    <table className="hg-small-table" aria-label="judges">
      <thead>
        <tr>
          <th scope="col">Judge</th>
          <th scope="col">Project</th>
          <th scope="col">Model</th>
          <th scope="col">Says</th>
          <th scope="col" className="hg-right">Versions</th>
          <th scope="col" className="hg-right">Wait for people</th>
          <th scope="col" className="hg-right">Marked</th>
          <th scope="col">Defined</th>
          {mayMark && (
            <th scope="col">
              <span className="hg-visually-hidden">What to do</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {items.map((each) => {
          const path = pathOf(each.name);
          const filter = { of: each.project };
          return (
            <tr key={each.project + each.name}>
              <th scope="row">
                <To path={path} filter={filter}>
                  <Name>{each.name}</Name>
                </To>
              </th>
              <td>{each.project}</td>
              <td>
                <To path="/requests" filter={{ model: each.model }}>
                  <Text>{each.model}</Text>
                </To>
              </td>
              <td>{SCALES[each.scale as Scale] ?? each.scale}</td>
              <td className="hg-right hg-number">
                <To path={path} filter={filter}>
                  {count(each.versions)}
                </To>
              </td>
              <td className="hg-right hg-number">
                <To path={path} filter={{ ...filter, tab: "waiting" }}>
                  {count(each.waiting)}
                </To>
              </td>
              <td className="hg-right hg-number">
                <To path={path} filter={{ ...filter, tab: "marked" }}>
                  {count(each.done)}
                </To>
              </td>
              <td>
                <Instant at={each.made_at} />
              </td>
              {mayMark && (
                <td className="hg-actions">
                  <To path={`${path}/mark`} filter={filter} className="hg-button" aria-label={`mark for ${each.name}`}>
                    Mark
                  </To>
                </td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
