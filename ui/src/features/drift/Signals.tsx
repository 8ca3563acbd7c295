import { useMemo } from "react";
import { type Band, Chart, type Line, type Mark } from "@/core/Chart";
import { Answered } from "@/core/States";
import { useShared } from "@/shell/view";
import { changesOf, SIGNALS, valueOf } from "./driftWords";
import { useAlarms, useSignals } from "./useDrift";

/** Each signal of a target over its canary's runs, with a mark where an alarm says that it changed. */
export function Signals({ canary, target }: { canary: string; target: string }) {
  const view = useShared();
  const signals = useSignals(canary, view);
  const alarms = useAlarms(view, false).data?.pages;
  const marks = useMemo(() => changesOf(alarms, (watch) => watch === `canary/${canary}/${target}`), [alarms, canary, target]);
  return (
    <Answered of={signals} what="signals">
      {({ targets }) => {
        const found = targets.find((each) => each.target === target);
        if (!found || found.at.length < 2) {
          return <p className="hg-soft">Signals are drawn from the second run on; there {found?.at.length === 1 ? "is one" : "is none yet"}.</p>;
        }
        const learnt = found.is_reference.filter(Boolean).length;
        return (
          <>
            <div className="hg-signals">
              {found.lines.map((line) => (
                <SignalChart
                  key={line.signal}
                  name={SIGNALS[line.signal] ?? line.signal}
                  of={target}
                  last={valueOf(line.signal, line.values.at(-1) ?? null)}
                  at={found.at}
                  lines={[{ label: SIGNALS[line.signal] ?? line.signal, colour: "blue", values: line.values }]}
                  write={(value) => valueOf(line.signal, value)}
                  marks={marks}
                />
              ))}
            </div>
            <p className="hg-soft">
              A point is a run; the first {learnt === 1 ? "is" : `${learnt} are`} what is usual. A mark stands where an alarm says that it
              changed.
            </p>
          </>
        );
      }}
    </Answered>
  );
}

interface SignalChartProps {
  name: string;
  /** The target that it is a signal of. */
  of: string;
  last: string;
  at: string[];
  lines: Line[];
  bands?: Band[];
  write: (value: number) => string;
  marks: Mark[];
}

/** One signal over time, with its last value. */
export function SignalChart({ name, of, last, ...drawn }: SignalChartProps) {
  return (
    <figure className="hg-signal">
      <figcaption>
        {name} <span className="hg-soft hg-number">last {last}</span>
      </figcaption>
      <Chart title={`${name} of ${of}`} height={92} {...drawn} />
    </figure>
  );
}
