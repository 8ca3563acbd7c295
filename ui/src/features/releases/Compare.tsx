import { IconArrowLeft, IconArrowsExchange } from "@tabler/icons-react";
import { type Schemas } from "@/api";
import { Diff } from "@/core/Diff";
import { count } from "@/core/format";
import { Interval } from "@/core/Interval";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { amountOf, type Difference, type Measure, numberOf, partsOf, type Release, sidesOf, titleOf } from "./releaseWords";
import { useComparison } from "./useReleases";

// Not by its name in the description, which another noun has, too.
type Comparison = NonNullable<ReturnType<typeof useComparison>["data"]>;

/** Two releases side by side: what changed in them, and what it did. */
export default function Compare() {
  const { search } = useView();
  const [a, b] = [search["a"] ?? "", search["b"] ?? ""];
  const comparison = useComparison(a, b, search["of"]);
  if (a === "" || b === "" || a === b) {
    return (
      <Empty title="This takes two releases">
        <To path="/releases">Choose two</To>
      </Empty>
    );
  }
  return (
    <>
      {!comparison.data && <h1 className="hg-visually-hidden">Two releases</h1>}
      <Answered of={comparison} what="the comparison">
        {(found) => <Shown found={found} />}
      </Answered>
    </>
  );
}

function Shown({ found }: { found: Comparison }) {
  const names: [string, string] = [titleOf(found.a), titleOf(found.b)];
  return (
    <div>
      <header className="hg-call-head">
        <To path="/releases" className="hg-icon-button" aria-label="back to releases">
          <IconArrowLeft size={16} stroke={1.6} />
        </To>
        <h1>
          <Text>{`${names[0]} → ${names[1]}`}</Text>
        </h1>
        <span className="hg-soft">{found.a.project}</span>
        <span className="hg-spring" />
        <To path="/releases/compare" className="hg-button" filter={{ a: found.b.id, b: found.a.id, of: found.a.project }}>
          <IconArrowsExchange size={14} stroke={1.6} aria-hidden="true" /> The other way round
        </To>
      </header>
      <div className="hg-rule">
        <div className="hg-form-pair">
          <Side release={found.a} calls={found.calls_a} />
          <Side release={found.b} calls={found.calls_b} />
        </div>
        <section className="hg-section" aria-label="what it did">
          <h2 className="hg-part-title">What it did</h2>
          {found.measures.length === 0 || (found.calls_a === 0 && found.calls_b === 0) ? (
            <p className="hg-soft">No call of either is on record yet.</p>
          ) : (
            <Measures found={found} names={names} />
          )}
        </section>
        <section className="hg-section" aria-label="what changed">
          <h2 className="hg-part-title">What changed</h2>
          {found.differences.length === 0 && <p className="hg-soft">They hold the same.</p>}
          {partsOf(found.differences).map(({ title, items }) => (
            <section key={title} aria-label={title}>
              <h3 className="hg-part-title">
                {title} <span className="hg-soft">{items.length}</span>
              </h3>
              <Differences items={items} names={names} />
            </section>
          ))}
        </section>
      </div>
    </div>
  );
}

function Side({ release, calls }: { release: Release; calls: number }) {
  return (
    <p>
      <To path={`/releases/${release.id}`} filter={{ of: release.project }}>
        <strong>
          <Text>{titleOf(release)}</Text>
        </strong>
      </To>{" "}
      <code>{release.commit.slice(0, 10)}</code> <Text>{release.note}</Text>
      <br />
      <span className="hg-soft hg-underlined">
        <Instant at={release.created_at} /> ·{" "}
        <To path="/requests" filter={{ release: release.id, range: "30d", from: null, to: null }}>
          {count(calls)} calls
        </To>
      </span>
    </p>
  );
}

function Measures({ found, names }: { found: Comparison; names: [string, string] }) {
  return (
    <>
      <table className="hg-small-table hg-measures" aria-label="measures">
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col" className="hg-right">{names[0]}</th>
            <th scope="col" className="hg-right">{names[1]}</th>
            <th scope="col" className="hg-right">Change</th>
            <th scope="col">Less · more</th>
            <th scope="col">What is known</th>
          </tr>
        </thead>
        <tbody>
          {found.measures.map((each) => (
            <MeasureRow key={each.name} measure={each} />
          ))}
        </tbody>
      </table>
      <p className="hg-soft">
        {found.method} {found.sampled && "There are more calls than were looked at: the newest 20,000 of each. "}
        Feedback: {found.feedback}.
      </p>
    </>
  );
}

function MeasureRow({ measure }: { measure: Measure }) {
  const { unit, change } = measure;
  const [low, value, high] = [change.low, change.value, change.high].map(numberOf) as [number | null, number | null, number | null];
  return (
    <tr>
      <th scope="row">{measure.name}</th>
      <td className="hg-right">
        <Estimated estimate={measure.before} unit={unit} />
      </td>
      <td className="hg-right">
        <Estimated estimate={measure.after} unit={unit} />
      </td>
      <td className="hg-right">
        <Estimated estimate={change} unit={unit} isChange />
      </td>
      <td>
        <Interval low={low} value={value} high={high} label={`change of ${measure.name}: ${measure.sentence}`} />
      </td>
      <td>
        <State tone={measure.is_clear ? "accent" : "quiet"}>{measure.sentence}</State>
      </td>
    </tr>
  );
}

function Estimated({ estimate, unit, isChange = false }: { estimate: Schemas["Estimate"]; unit: Measure["unit"]; isChange?: boolean }) {
  return (
    <>
      <span className="hg-number">{amountOf(estimate.value, unit, isChange)}</span>
      {(estimate.low !== null || estimate.high !== null) && (
        <div className="hg-soft hg-number hg-bounds">
          {amountOf(estimate.low, unit, isChange)} to {amountOf(estimate.high, unit, isChange)}
        </div>
      )}
    </>
  );
}

function Differences({ items, names }: { items: Difference[]; names: [string, string] }) {
  const texts = items.filter((each) => each.diff || isDeep(each));
  const values = items.filter((each) => !texts.includes(each));
  return (
    <>
      {texts.map((each) => (
        <div key={each.name} className="hg-difference">
          <h4>
            <Text>{each.name}</Text> <span className="hg-soft">{each.how}</span>
          </h4>
          <Diff {...textsOf(each)} names={names} />
        </div>
      ))}
      {values.length > 0 && (
        <table className="hg-small-table hg-changes-table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">{names[0]}</th>
              <th scope="col">{names[1]}</th>
            </tr>
          </thead>
          <tbody>
            {values.map((each) => (
              <tr key={each.name}>
                <th scope="row">
                  <Text>{each.name}</Text>
                </th>
                <td>
                  <Value of={each.before} kind="hg-was" />
                </td>
                <td>
                  <Value of={each.after} kind="hg-is" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** Whether a value has parts of its own, so that it reads better as lines side by side. */
function isDeep(difference: Difference): boolean {
  return [difference.before, difference.after].some(
    (each) => typeof each === "object" && each !== null && !Array.isArray(each),
  );
}

function textsOf(difference: Difference): { before: string; after: string } {
  // The API leaves out what is empty.
  if (difference.diff) {
    return sidesOf(difference.diff);
  }
  const text = (value: unknown): string => (value === null || value === undefined ? "" : JSON.stringify(value, null, 2));
  return { before: text(difference.before), after: text(difference.after) };
}

function Value({ of, kind }: { of: unknown; kind: string }) {
  if (of === null || of === undefined) {
    return <span className="hg-soft">–</span>;
  }
  const text = Array.isArray(of) ? of.join(", ") : typeof of === "string" ? of : JSON.stringify(of);
  return (
    <code className={kind}>
      <Text>{text === "true" ? "named" : text}</Text>
    </code>
  );
}
