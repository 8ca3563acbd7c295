import { useMemo } from "react";
import { Chart, type Mark } from "@/core/Chart";
import { Answered } from "@/core/States";
import { useShared } from "@/shell/view";
import { SIGNALS, valueOf } from "./driftWords";
import { useAlarms, useSignals } from "./useDrift";

/** Each signal of a target over its canary's runs, with a mark where an alarm says that it changed. */
export function Signals({ canary, target }: { canary: string; target: string }) {
  const view = useShared();
  const signals = useSignals(canary, view);
  const alarms = useAlarms(view, false).data?.pages;
  const marks = useMemo(
    () =>
      (alarms ?? [])
        .flatMap((page) => page.items)
        .filter((each) => each.watch === `canary/${canary}/${target}`)
        .map((each): Mark => ({ at: each.since, name: "changed" }))
        .sort((one, other) => one.at.localeCompare(other.at)),
    [alarms, canary, target],
  );
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
                <figure key={line.signal} className="hg-signal">
                  <figcaption>
                    {SIGNALS[line.signal] ?? line.signal}{" "}
                    <span className="hg-soft hg-number">last {valueOf(line.signal, line.values.at(-1) ?? null)}</span>
                  </figcaption>
                  <Chart
                    title={`${SIGNALS[line.signal] ?? line.signal} of ${target}`}
                    at={found.at}
                    lines={[{ label: SIGNALS[line.signal] ?? line.signal, colour: "blue", values: line.values }]}
                    height={92}
                    write={(value) => valueOf(line.signal, value)}
                    marks={marks}
                  />
                </figure>
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
