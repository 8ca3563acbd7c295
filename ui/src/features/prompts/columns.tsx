import { Reach } from "@/core/Reach";
import { Sparks } from "@/core/Sparks";
import type { Column } from "@/core/Table";
import { Text } from "@/core/Text";
import { count } from "@/core/format";
import { Moment, Money, Name, Share } from "@/core/Values";
import { To } from "@/shell/To";
import type { Patch } from "@/shell/view";
import { addressOf } from "./address";
import { type Found, type Item, answersText, callsOfItem, inOrderOfKinds, kindText, saidText, stepsOf, strandsOf, versionsText } from "./listWords";
import { PromptState } from "./PromptState";

interface Context {
  found: Found;
  environment: string | undefined;
  nameOfKey: (id: string) => string;
}

/** The columns of the list of prompts: each number leads to the calls that it counts. */
export function columnsOf({ found, environment, nameOfKey }: Context): Column<Item>[] {
  const uses = found.uses ?? 0;
  const calls = (item: Item, children: React.ReactNode, more: Patch = {}): React.ReactNode => (
    <To path="/requests" className="hg-number" filter={callsOfItem(item, found, environment, more)}>
      {children}
    </To>
  );
  return [
    {
      id: "name",
      title: "Prompt",
      width: "minmax(170px, 2fr)",
      render: (item) => (
        <div className="hg-stacked">
          <To {...addressOf(item)}>
            <Name>{item.name}</Name>
          </To>
          <span className="hg-soft">
            <Name>{item.text}</Name>
          </span>
          <span className="hg-soft">
            <Name>{item.kind === "managed" ? "managed here" : `in ${item.source ?? ""}`}</Name>
          </span>
          <PromptState state={item.state} />
        </div>
      ),
    },
    {
      id: "calls",
      title: "Calls, last seen",
      width: "128px",
      render: (item) => (
        <div className="hg-stacked">
          {calls(item, <Share of={uses > 0 ? (item.traffic?.calls ?? 0) / uses : 0} />)}
          {calls(item, `${count(item.traffic?.calls ?? 0)} ${item.traffic?.calls === 1 ? "call" : "calls"}`)}
          {item.traffic && item.traffic.calls > 0 && calls(item, <Money usd={item.traffic.cost_usd} />)}
          <span className="hg-soft" data-fact>
            {item.traffic?.last_seen ? <Moment at={item.traffic.last_seen} /> : "not seen"}
          </span>
        </div>
      ),
    },
    {
      id: "used",
      title: "Used by",
      width: "minmax(130px, 1.5fr)",
      render: (item) => <UsedBy item={item} calls={calls} nameOfKey={nameOfKey} />,
    },
    {
      id: "versions",
      title: "Versions",
      width: "214px",
      render: (item) =>
        item.by_version.length > 0 ? (
          <Sparks
            title={`Calls of ${item.name} by version`}
            at={stepsOf(found, item)}
            end={found.until}
            strands={strandsOf(item)}
            label={found.days_per_point === 1 ? "calls by day" : `calls by ${found.days_per_point} days`}
            more={versionsText(item)}
            render={(strand) => calls(item, strand.total, { prompt_version: strand.id })}
          />
        ) : (
          <span className="hg-soft" data-fact>
            {count(item.versions)} known, none seen
          </span>
        ),
    },
    { id: "feedback", title: "Feedback", width: "minmax(150px, 1.2fr)", render: (item) => <SaidOf item={item} /> },
  ];
}

interface UsedByProps {
  item: Item;
  calls: (item: Item, children: React.ReactNode, more: Patch) => React.ReactNode;
  nameOfKey: (id: string) => string;
}

/** The most frequent models, environments, releases and keys, and how many there are besides. */
function UsedBy({ item, calls, nameOfKey }: UsedByProps) {
  return (
    <div className="hg-stacked">
      {inOrderOfKinds(item.used).map((use) => (
        <span key={use.kind} className="hg-ellipsis">
          <span className="hg-soft">{kindText(use)} </span>
          {use.names.map((each, place) => (
            <span key={each.name}>
              {place > 0 && ", "}
              {calls(item, <Text>{use.kind === "key" ? nameOfKey(each.name) : each.name.slice(0, 20)}</Text>, { [use.kind]: each.name })}
            </span>
          ))}
          {use.amount > use.names.length && <span className="hg-soft">, {count(use.amount - use.names.length)} more</span>}
        </span>
      ))}
    </div>
  );
}

/** What was said most, with its interval; that nothing was said is not a zero. */
function SaidOf({ item }: { item: Item }) {
  const [most, ...others] = item.feedback;
  if (!most) {
    return (
      <span className="hg-soft" title="nobody said anything of its calls">
        unknown
      </span>
    );
  }
  const share = most.of === "share" && most.estimate ? most.estimate : null;
  return (
    <div className="hg-stacked" data-fact>
      <span>
        {most.name} <span className="hg-soft">{answersText(most)}</span>
      </span>
      {most.estimate && <Name>{saidText(most)}</Name>}
      {share && <Reach low={share.low} value={share.value} high={share.high} least={0} most={1} label={`${most.name}: ${saidText(most)}`} />}
      {!share && others.slice(0, 1).map((each) => <Name key={each.name}>{`${each.name} ${saidText(each)}`}</Name>)}
    </div>
  );
}
