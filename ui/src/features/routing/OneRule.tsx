import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Confirm } from "@/core/Dialogs";
import { Diff } from "@/core/Diff";
import { Facts } from "@/core/Facts";
import { percent } from "@/core/format";
import { Answered } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Ends } from "./Rules";
import { draftOf } from "./ruleDraft";
import { RuleForm } from "./RuleForm";
import { RuleTrial } from "./RuleTrial";
import { actionsOf, matchOf, type Rule, textOf } from "./ruleWords";

type Version = Schemas["RuleVersionView"];

/** One rule: what it changes, how it came to be, and what it would have changed. */
export default function OneRule() {
  const { name = "" } = useParams({ strict: false });
  const rule = useQuery({
    queryKey: ["rule", name],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/rules/{name}", { params: { path: { name } }, signal })),
  });
  return (
    <>
      {!rule.data && <h1 className="hg-visually-hidden">One rule</h1>}
      <Answered of={rule} what="the rule">
        {(found) => <Shown rule={found} />}
      </Answered>
    </>
  );
}

function Shown({ rule }: { rule: Rule }) {
  const mayWrite = useMay("rules:write");
  const [isDeleting, setDeleting] = useState(false);
  const [isChanging, setChanging] = useState(false);
  return (
    <div>
      <header className="hg-call-head">
        <To path="/routing/rules" className="hg-icon-button" aria-label="back to rules">
          <IconArrowLeft size={16} stroke={1.6} />
        </To>
        <h1>
          <Text>{rule.name}</Text>
        </h1>
        <span className="hg-soft">version {rule.version}</span>
        <span className="hg-soft hg-ellipsis">
          <Text>{rule.note}</Text>
        </span>
        <span className="hg-spring" />
        {mayWrite && (
          <button type="button" className="hg-button" onClick={() => setChanging(true)}>
            Change
          </button>
        )}
        {mayWrite && (
          <button type="button" className="hg-button hg-danger" onClick={() => setDeleting(true)}>
            Delete
          </button>
        )}
      </header>
      <div className="hg-rule">
        <section className="hg-section" aria-label="what it changes">
          <Facts
            facts={[
              ["which calls", matchOf(rule).join(", ") || "all"],
              ["what it changes", actionsOf(rule).map((each) => <div key={each}>{each}</div>)],
              ["of them", rule.share === 1 ? "all" : `${percent(rule.share)}, the same ones each time`],
              ["ends", <Ends key="ends" at={rule.expires_at} />],
            ]}
          />
        </section>
        <RuleTrial name={rule.name} />
        <History name={rule.name} />
      </div>
      {isChanging && <RuleForm draft={draftOf(rule)} isNew={false} onClose={() => setChanging(false)} />}
      {isDeleting && <DeleteRule rule={rule} onClose={() => setDeleting(false)} />}
    </div>
  );
}

function DeleteRule({ rule, onClose }: { rule: Rule; onClose: () => void }) {
  const navigate = useNavigate();
  const remove = useChange(
    () => ask(api.DELETE("/api/v1/rules/{name}", { params: { path: { name: rule.name } } })),
    ["rules", "audit"],
  );
  return (
    <Confirm
      title={`Delete ${rule.name}`}
      isOpen
      onClose={onClose}
      label="Delete the rule"
      isDangerous
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: "/routing/rules" }) })}
    >
      <p>Calls go unchanged by it from then on, at once and everywhere:</p>
      <ul>
        {actionsOf(rule).map((each) => (
          <li key={each}>no longer: {each}</li>
        ))}
      </ul>
      <p>Its history stays. Releases that hold it keep it.</p>
    </Confirm>
  );
}

function History({ name }: { name: string }) {
  const { search, set } = useView();
  const nameOf = useKeyNames();
  const versions = useQuery({
    queryKey: ["rule", name, "versions"],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/rules/{name}/versions", { params: { path: { name }, query: { limit: 100 } }, signal })),
  });
  return (
    <section className="hg-section" aria-label="history">
      <h2 className="hg-part-title">History</h2>
      <Answered of={versions} what="its versions">
        {({ items }) => {
          const chosen = items.find((each) => String(each.version) === search["version"]) ?? items[0];
          const before = items.find((each) => each.version === (chosen?.version ?? 0) - 1);
          return (
            <div className="hg-beside">
              <nav aria-label="versions">
                <ol className="hg-versions">
                  {items.map((each, place) => (
                    <li key={each.version}>
                      <button
                        type="button"
                        aria-pressed={each === chosen}
                        onClick={() => set({ version: place === 0 ? null : String(each.version) }, true)}
                      >
                        <span>
                          <strong>version {each.version}</strong>{" "}
                          <span className="hg-soft">{each.created_at.slice(0, 16).replace("T", " ")}</span>
                        </span>
                        <span className="hg-soft hg-ellipsis">
                          {each.rule === null ? "deleted by" : "by"} {nameOf(each.created_by)}
                        </span>
                      </button>
                    </li>
                  ))}
                </ol>
              </nav>
              {chosen && <VersionText chosen={chosen} before={before} />}
            </div>
          );
        }}
      </Answered>
    </section>
  );
}

function VersionText({ chosen, before }: { chosen: Version; before: Version | undefined }) {
  const now = chosen.rule === null ? "" : textOf(chosen.rule);
  if (before === undefined) {
    return <Verbatim text={now} label={`version ${chosen.version}`} />;
  }
  const then = before.rule === null ? "" : textOf(before.rule);
  return <Diff before={then} after={now} names={[`version ${before.version}`, `version ${chosen.version}`]} />;
}
