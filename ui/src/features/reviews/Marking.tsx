import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { Back } from "../evaluation/Back";
import { pathOf } from "./judgeWords";
import { OneItem } from "./OneItem";
import { nextReview, oneReview, useJudge } from "./useReviews";

/** One answer after the other, each marked before one sees what the judge said. */
export default function Marking() {
  const { judge = "" } = useParams({ strict: false });
  const { search, set } = useView();
  const client = useQueryClient();
  const [skipped, setSkipped] = useState<ReadonlySet<string>>(new Set());
  const [round, setRound] = useState(0);
  const [project, item] = [search["of"], search["item"]];
  const review = useQuery({
    queryKey: ["review", judge, project, item ?? "next", round],
    queryFn: async ({ signal }) => ({
      review: item ? await oneReview(item, signal) : await nextReview(judge, project, skipped, signal),
    }),
    // What one reads stands still until one goes on.
    staleTime: Infinity,
    gcTime: 0,
  });
  const onNext = useCallback(() => {
    if (item) {
      set({ item: null });
    }
    setRound((each) => each + 1);
    void client.invalidateQueries({ queryKey: ["judge", judge] });
    void client.invalidateQueries({ queryKey: ["judges"] });
  }, [client, judge, item, set]);
  const onSkip = useCallback(
    (id: string) => {
      setSkipped((before) => new Set([...before, id]));
      onNext();
    },
    [onNext],
  );
  return (
    <div>
      <Back path={pathOf(judge)} to="the judge" filter={{ of: project }} title={judge}>
        <SoFar judge={judge} project={project} skipped={skipped.size} />
      </Back>
      <div className="hg-rule hg-marking">
        <Answered of={review} what="the next answer">
          {({ review: found }) =>
            found === null ? (
              <Done
                judge={judge}
                project={project}
                skipped={skipped.size}
                onAgain={() => {
                  setSkipped(new Set());
                  onNext();
                }}
              />
            ) : (
              <OneItem key={found.item.id} review={found} onNext={onNext} onSkip={onSkip} />
            )
          }
        </Answered>
      </div>
    </div>
  );
}

/** How many are left, and how far the judge agrees with people by now. */
function SoFar({ judge, project, skipped }: { judge: string; project: string | undefined; skipped: number }) {
  const known = useJudge(judge, project).data;
  if (!known) {
    return null;
  }
  const agreement = known.report.findings.find((each) => each.name === "agreement");
  return (
    <>
      <span className="hg-soft hg-nowrap">
        <To path={pathOf(judge)} filter={{ of: project, tab: "waiting" }}>
          {count(known.waiting)} left
        </To>
        {skipped > 0 && `, ${skipped} skipped`},{" "}
        <To path={pathOf(judge)} filter={{ of: project, tab: "marked" }}>
          {count(known.done)} done
        </To>
      </span>
      <span className="hg-spring" />
      {agreement && (
        <span className="hg-soft hg-so-far" role="status">
          Agreement so far: <Text>{agreement.sentence}</Text>
        </span>
      )}
    </>
  );
}

function Done(props: { judge: string; project: string | undefined; skipped: number; onAgain: () => void }) {
  const { judge, project, skipped, onAgain } = props;
  return (
    <Empty title={skipped > 0 ? "Nothing is left but what you skipped" : "Nothing is left for you to mark"}>
      {skipped > 0 && (
        <button type="button" className="hg-button" onClick={onAgain}>
          Show what was skipped
        </button>
      )}
      <p>
        <To path={pathOf(judge)} filter={{ of: project }}>
          What is known of {judge}
        </To>
      </p>
      <p className="hg-soft">Its answers come here by chance as it marks them; others come from a call&apos;s page by &quot;Send to review&quot;.</p>
    </Empty>
  );
}
