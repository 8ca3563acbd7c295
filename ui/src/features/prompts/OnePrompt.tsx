import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { type Schemas, api, ask } from "@/api";
import { Diff } from "@/core/Diff";
import { count, percent } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Money } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { addressOf } from "./address";
import { HowItDoes } from "./HowItDoes";
import { daysText } from "./listWords";
import { type Outcomes, callsOf } from "./outcomeWords";
import { PromptState } from "./PromptState";
import { useOutcomes } from "./useOutcomes";
import { WhereUsed } from "./WhereUsed";
import { type Version, ofCode, ofManaged, textOf } from "./versions";

type Code = Schemas["PromptDetail"];
type Managed = Schemas["ManagedPromptView"];

export default function OnePrompt() {
  const { name } = useParams({ strict: false });
  const { search } = useView();
  const prompt = useQuery({
    queryKey: ["prompt", name, search["of"], search["source"]],
    queryFn: ({ signal }) => {
      const query = {
        ...(search["of"] ? { project: search["of"] } : {}),
        ...(search["source"] ? { source: search["source"] } : {}),
      };
      return ask(api.GET("/api/v1/prompts/{name}", { params: { path: { name: name ?? "" }, query }, signal }));
    },
    staleTime: 30_000,
  });
  return (
    <>
      {!prompt.data && <h1 className="hg-visually-hidden">One prompt</h1>}
      <Answered of={prompt} what="the prompt">
        {(found) => {
          if (found.object === "prompt") {
            const where = `${found.source} · ${found.path}`;
            return (
              <Shown prompt={found} path={found.path} where={where} state={found.state} versions={ofCode(found)}>
                <TwinHere prompt={found} />
              </Shown>
            );
          }
          if (found.object === "managed_prompt") {
            return (
              <Shown
                prompt={{ name: found.name, project: found.project, source: null }}
                path={null}
                where={`managed here, in ${found.project}`}
                state={null}
                versions={ofManaged(found)}
              >
                <Twin prompt={found} />
              </Shown>
            );
          }
          return <Empty title="This is no prompt with versions" />;
        }}
      </Answered>
    </>
  );
}

interface ShownProps {
  prompt: { name: string; project: string; source: string | null };
  path: string | null;
  where: string;
  state: string | null;
  versions: Version[];
  children?: React.ReactNode;
}

function Shown({ prompt, path, where, state, versions, children }: ShownProps) {
  const { search } = useView();
  const { name } = prompt;
  const outcomes = useOutcomes(name, prompt.project, prompt.source);
  const chosen = versions.find((each) => each.id === search["version"]) ?? versions[0];
  const before = versions.find((each) => each.id === search["against"]);
  if (!chosen) {
    return <Empty title="It has no version" />;
  }
  return (
    <div className="hg-prompt">
      <header className="hg-call-head">
        <To path="/prompts" className="hg-icon-button" aria-label="back to prompts">
          <IconArrowLeft size={16} stroke={1.6} />
        </To>
        <h1>
          <Text>{name}</Text>
        </h1>
        <span className="hg-soft hg-ellipsis">
          <Text>{where}</Text>
        </span>
        <PromptState state={state} />
        <span className="hg-spring" />
        <To path="/requests" className="hg-button" filter={{ prompt: name, project: prompt.project }}>
          Its calls
        </To>
      </header>
      <div className="hg-prompt-columns">
        <Versions versions={versions} chosen={chosen} outcomes={outcomes.data} />
        <section aria-label="text">
          <Against versions={versions} chosen={chosen} before={before} />
          <VersionText name={name} chosen={chosen} before={before} />
          {children}
        </section>
      </div>
      <section className="hg-prompt-section" aria-label="how it does">
        <h2>
          {before ? `How ${before.title} and ${chosen.title} do` : "How it does, by version"}
          {outcomes.data && (
            <span className="hg-soft">
              {" "}
              · {daysText(outcomes.data.since, outcomes.data.until)}
              {outcomes.data.environment !== null && `, in ${outcomes.data.environment || "no environment"}`}
            </span>
          )}
        </h2>
        <Answered of={outcomes} what="how it does">
          {(found) => (
            <>
              <HowItDoes found={found} versions={versions} only={before ? [before.id, chosen.id] : []} />
              {found.versions.length > 0 && <p className="hg-soft hg-method">{found.method}</p>}
            </>
          )}
        </Answered>
      </section>
      <section className="hg-prompt-section" aria-label="where it's used">
        <h2>Where it&rsquo;s used</h2>
        <Answered of={outcomes} what="where it's used">
          {(found) => <WhereUsed found={found} versions={versions} path={path} />}
        </Answered>
      </section>
    </div>
  );
}

function Versions({ versions, chosen, outcomes }: { versions: Version[]; chosen: Version; outcomes: Outcomes | undefined }) {
  const { set } = useView();
  return (
    <nav aria-label="versions">
      <ol className="hg-versions">
        {versions.map((each, place) => (
          <li key={each.id}>
            <button
              type="button"
              aria-pressed={each.id === chosen.id}
              onClick={() => set({ version: place === 0 ? null : each.id, against: null }, true)}
            >
              <span>
                <strong>{each.title}</strong> <span className="hg-soft">{each.when}</span>
              </span>
              <span className="hg-soft hg-ellipsis">{each.who}</span>
              <span className="hg-soft hg-ellipsis">{each.notes.join(" · ")}</span>
            </button>
            {outcomes && <CallsOf version={each} outcomes={outcomes} />}
          </li>
        ))}
      </ol>
    </nav>
  );
}

function CallsOf({ version, outcomes }: { version: Version; outcomes: Outcomes }) {
  const found = outcomes.versions.find((each) => each.version === version.id);
  const calls = found?.calls ?? 0;
  return (
    <To path="/requests" className="hg-version-calls hg-number" filter={callsOf(outcomes, { prompt_version: version.id })}>
      {count(calls)} {calls === 1 ? "call" : "calls"} {found && <Money usd={found.cost_usd} />}
    </To>
  );
}

function Against({ versions, chosen, before }: { versions: Version[]; chosen: Version; before: Version | undefined }) {
  const { set } = useView();
  const others = versions.filter((each) => each.id !== chosen.id);
  if (others.length === 0) {
    return null;
  }
  return (
    <label className="hg-against">
      Compare with{" "}
      <select
        className="hg-input"
        value={before?.id ?? ""}
        onChange={(event) => set({ against: event.currentTarget.value }, true)}
      >
        <option value="">nothing</option>
        {others.map((each) => (
          <option key={each.id} value={each.id}>
            {each.title} ({each.when})
          </option>
        ))}
      </select>
    </label>
  );
}

function VersionText({ name, chosen, before }: { name: string; chosen: Version; before: Version | undefined }) {
  const now = useText(name, chosen);
  const then = useText(name, before);
  return (
    <Answered of={now} what="the version">
      {(text) =>
        before === undefined ? (
          <Verbatim text={text} label={`text of ${chosen.title}`} />
        ) : (
          <Answered of={then} what="the version before">
            {(old) => <Diff before={old} after={text} names={[before.title, chosen.title]} />}
          </Answered>
        )
      }
    </Answered>
  );
}

/** The text of a version: what came along, or of a managed one its messages. */
function useText(name: string, version: Version | undefined) {
  const { search } = useView();
  return useQuery({
    queryKey: ["prompt version", name, search["of"], search["source"], version?.id],
    enabled: version !== undefined,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      if (version?.text !== null && version?.text !== undefined) {
        return version.text;
      }
      const path = { name: `${name}/versions/${version?.id ?? ""}` };
      const query = search["of"] ? { project: search["of"] } : {};
      const found = await ask(api.GET("/api/v1/prompts/{name}", { params: { path, query }, signal }));
      return found.object === "managed_version" ? textOf(found) : "";
    },
  });
}

/** The managed prompt that says what this one of code says, or goes by its name. */
function TwinHere({ prompt }: { prompt: Code }) {
  const twin = prompt.twin;
  if (!twin) {
    return null;
  }
  return (
    <section aria-label="the managed twin">
      <h2 className="hg-answer-title">
        Its managed twin:{" "}
        <To {...addressOf({ name: twin.name, project: prompt.project, source: null })}>
          <Text>{twin.name}</Text>
        </To>{" "}
        <span className="hg-soft">
          version {twin.version} {twinText(twin)}
        </span>
      </h2>
    </section>
  );
}

/** How twins go together: by their text, or by their name alone. */
function twinText(twin: { likeness: number; by: "text" | "name" }): string {
  if (twin.likeness === 1) {
    return "says the same";
  }
  const alike = `${percent(twin.likeness)} alike`;
  return twin.by === "name" ? `goes by the same name, ${alike}` : `is ${alike}`;
}

function Twin({ prompt }: { prompt: Managed }) {
  const twin = prompt.twin;
  if (!twin) {
    return null;
  }
  const side = (name: "before" | "after"): string => twin.rows.flatMap((row) => row[name] ?? []).join("\n");
  return (
    <section aria-label="the twin in code">
      <h2 className="hg-answer-title">
        Its twin in code:{" "}
        <To {...addressOf({ name: twin.name, project: prompt.project, source: twin.source })}>
          <Text>{twin.name}</Text>
        </To>{" "}
        <span className="hg-soft">{twinText(twin)}</span>
      </h2>
      <Diff before={side("before")} after={side("after")} names={["before", "after"]} />
    </section>
  );
}
