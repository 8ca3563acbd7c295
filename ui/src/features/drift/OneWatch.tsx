import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { Chart, type Mark } from "@/core/Chart";
import { Facts } from "@/core/Facts";
import { compact, count } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { Back } from "../evaluation/Back";
import { callsOfWatch, SIGNALS, usualOf, valueOf, type Watch } from "./driftWords";
import { digits, Evidence } from "./Evidence";
import { WatchPhase } from "./LiveTraffic";
import { type Detail, useAlarms, useWatch } from "./useDrift";
import { bandOf } from "./usual";

/** One watch of live traffic: each signal over its hours, beside what is usual, and how much speaks for a change. */
export default function OneWatch() {
  const { watch: id = "" } = useParams({ strict: false });
  const found = useWatch(id, useShared());
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One watch of live traffic</h1>}
      <Answered of={found} what="the watch">
        {(watch) => <Page watch={watch} />}
      </Answered>
    </>
  );
}

function Page({ watch }: { watch: Detail }) {
  return (
    <div>
      <Back path="/drift" to="drift" title={`${watch.model} at ${watch.target}`}>
        <WatchPhase of={watch} />
        {watch.phase !== "reference" && (
          <span className="hg-soft">
            evidence of a change <Evidence of={watch} />
          </span>
        )}
        <span className="hg-spring" />
        <To path="/requests" className="hg-button" filter={callsOfWatch(watch)}>
          Its calls
        </To>
      </Back>
      <div className="hg-rule">
        <Facts
          facts={[
            ["project", watch.project],
            ["prompt", watch.prompt && <Text key="prompt">{watch.prompt}</Text>],
            ["release", watch.release && <To key="release" path={`/releases/${watch.release}`} filter={{ of: watch.project }}>{watch.release.slice(0, 8)}</To>],
            ["watched since", <Moment key="since" at={watch.since} />],
            [
              "calls",
              <To key="calls" path="/requests" filter={callsOfWatch(watch)}>
                {count(watch.calls)}
              </To>,
            ],
          ]}
        />
        <Charts watch={watch} />
        <Signals watch={watch} />
      </div>
    </div>
  );
}

function Charts({ watch }: { watch: Detail }) {
  const marks = useAlarmMarks(watch);
  if (watch.at.length < 2) {
    return <p className="hg-soft">Signals are drawn from the second hour on.</p>;
  }
  const learnt = watch.is_reference.filter(Boolean).length;
  return (
    <section className="hg-section" aria-label="its last thirty days">
      <header>
        <h2>Its last thirty days</h2>
        <span className="hg-soft">
          a point is an hour of five calls or more; {learnt === 0 ? "" : `${count(learnt)} of them are what is usual, and `}the band shows where that lies; watched from the first mark on
        </span>
      </header>
      <div className="hg-signals">
        <figure className="hg-signal">
          <figcaption>
            calls an hour <span className="hg-soft hg-number">last {count(watch.last_calls)}</span>
          </figcaption>
          <Chart
            title={`calls an hour of ${watch.target}`}
            at={watch.at}
            lines={[{ label: "calls", colour: "soft", values: watch.calls_an_hour }]}
            height={92}
            write={compact}
            marks={marks}
          />
        </figure>
        {watch.lines.map((line) => {
          const name = SIGNALS[line.signal] ?? line.signal;
          const known = watch.signals.find((each) => each.signal === line.signal);
          return (
            <figure key={line.signal} className="hg-signal">
              <figcaption>
                {name} <span className="hg-soft hg-number">last {valueOf(line.signal, known?.latest ?? null)}</span>
              </figcaption>
              <Chart
                title={`${name} of ${watch.target}`}
                at={watch.at}
                {...bandOf(name, line.values, known?.usual_low ?? null, known?.usual_high ?? null)}
                height={92}
                write={(value) => valueOf(line.signal, value)}
                marks={marks}
              />
            </figure>
          );
        })}
      </div>
    </section>
  );
}

/** Where an alarm says that it changed, and where the reference ended. */
function useAlarmMarks(watch: Detail): Mark[] {
  const pages = useAlarms(useShared(), false).data?.pages;
  return useMemo(() => {
    const first = watch.at.find((_, place) => watch.is_reference[place - 1] === true && watch.is_reference[place] === false);
    const changed = (pages ?? [])
      .flatMap((page) => page.items)
      .filter((each) => each.watch.startsWith("traffic/") && each.watch.endsWith(`/${watch.id}`))
      .map((each): Mark => ({ at: each.since, name: "changed" }));
    const all = first === undefined ? changed : [{ at: first, name: "watched" }, ...changed];
    return all.sort((one, other) => one.at.localeCompare(other.at));
  }, [pages, watch]);
}

function Signals({ watch }: { watch: Watch }) {
  const strength = (each: Watch["signals"][number]): number => Math.max(each.evidence_up ?? 0, each.evidence_down ?? 0);
  const signals = [...watch.signals].sort((one, other) => strength(other) - strength(one));
  return (
    <section className="hg-section" aria-label="signals">
      <header>
        <h2>Signals</h2>
        <span className="hg-soft">what speaks most for a change first; the watch's evidence is the mean of all of them</span>
      </header>
      <table className="hg-small-table" aria-label="signals">
        <thead>
          <tr>
            <th scope="col">Signal</th>
            <th scope="col" className="hg-right">Last hour</th>
            <th scope="col" className="hg-right">Usual</th>
            <th scope="col" className="hg-right">Evidence that it rose</th>
            <th scope="col" className="hg-right">That it fell</th>
          </tr>
        </thead>
        <tbody>
          {signals.map((each) => (
            <tr key={each.signal}>
              <th scope="row">{SIGNALS[each.signal] ?? each.signal}</th>
              <td className="hg-right hg-number">{valueOf(each.signal, each.latest)}</td>
              <td className="hg-right hg-number">{usualOf(each)}</td>
              <td className="hg-right hg-number">{each.evidence_up === null ? <NotWatched /> : digits(each.evidence_up)}</td>
              <td className="hg-right hg-number">{each.evidence_down === null ? <NotWatched /> : digits(each.evidence_down)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function NotWatched() {
  return <span className="hg-soft">not watched</span>;
}
