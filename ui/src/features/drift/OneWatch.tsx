import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Mark } from "@/core/Chart";
import { Facts } from "@/core/Facts";
import { compact, count } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { Back } from "../evaluation/Back";
import { callsOfWatch, changesOf, SIGNALS, usualOf, valueOf, type Watch } from "./driftWords";
import { digits, Evidence } from "./Evidence";
import { Phase } from "./Phase";
import { SignalChart } from "./Signals";
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
        <Phase of={watch} />
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
        <SignalChart
          name="calls an hour"
          of={watch.target}
          last={count(watch.last_calls)}
          at={watch.at}
          lines={[{ label: "calls", colour: "soft", values: watch.calls_an_hour }]}
          write={compact}
          marks={marks}
        />
        {watch.lines.map((line) => {
          const name = SIGNALS[line.signal] ?? line.signal;
          const known = watch.signals.find((each) => each.signal === line.signal);
          return (
            <SignalChart
              key={line.signal}
              name={name}
              of={watch.target}
              last={valueOf(line.signal, known?.latest ?? null)}
              at={watch.at}
              {...bandOf(name, line.values, known?.usual_low ?? null, known?.usual_high ?? null)}
              write={(value) => valueOf(line.signal, value)}
              marks={marks}
            />
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
    const changed = changesOf(pages, (name) => name.startsWith("traffic/") && name.endsWith(`/${watch.id}`));
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
