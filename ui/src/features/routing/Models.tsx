import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { Flow } from "@/core/Flow";
import { Answered, Empty } from "@/core/States";
import { useSession } from "@/shell/session";
import { To } from "@/shell/To";
import { refreshOf, useShared, useView } from "@/shell/view";
import { MovedBy } from "./MovedBy";
import { branchesOf, isInTurn, type Model, sentenceOf, wayOf } from "./picture";
import { RoutingPages } from "./RoutingPages";

/** Where the calls for each name go: its strategy, its targets, and which are left out and why. */
export default function Models() {
  const view = useShared();
  const { search, set } = useView();
  const session = useSession();
  const project = view.project ?? (session.projects?.length === 1 ? session.projects[0] : undefined);
  const models = useQuery({
    queryKey: ["models", project],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/models", { params: { query: project ? { project } : {} }, signal })),
    refetchInterval: refreshOf(view),
  });
  return (
    <RoutingPages>
      <Answered of={models} what="models">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No name stands for targets yet">
              <p className="hg-soft">In headgate.toml:</p>
              <pre className="hg-paste">{'[models.assistant]\ntargets = ["openai/gpt-5-mini", "anthropic/claude-sonnet-4-5"]'}</pre>
              <p className="hg-soft">Every provider/model can be asked for without one, too.</p>
            </Empty>
          ) : (
            <>
              <p className="hg-soft">
                {project
                  ? `As calls of the project ${project} go. `
                  : "Choose a project at the top to see what its calls may not go to, and why. "}
                {search["model"] && (
                  <button type="button" className="hg-link" onClick={() => set({ model: null }, true)}>
                    Show all models
                  </button>
                )}
              </p>
              {items
                .filter((each) => !search["model"] || each.id === search["model"])
                .map((each) => (
                  <Picture key={each.id} model={each} />
                ))}
            </>
          )
        }
      </Answered>
    </RoutingPages>
  );
}

function Picture({ model }: { model: Model }) {
  return (
    <section aria-label={model.id} className="hg-model">
      <header className="hg-by">
        <h2>{model.id}</h2>
        <span className="hg-soft">
          {model.attempts === 1 ? "one try at each target" : `up to ${model.attempts} tries at each target`}
        </span>
        <To path="/requests" filter={{ model: model.id }}>
          its calls
        </To>
        <MovedBy alias={model.id} />
      </header>
      <Flow
        label={sentenceOf(model)}
        from={model.id}
        way={model.strategy}
        wayNote={wayOf(model)}
        branches={branchesOf(model)}
        inTurn={isInTurn(model)}
      />
    </section>
  );
}
