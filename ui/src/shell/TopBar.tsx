import { Menu, Switch } from "@mantine/core";
import { IconChevronDown, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "@/api";
import { moment } from "@/core/format";
import { useMay, useSession } from "./session";
import { RANGES, type Shared, timesOf, useShared, useView } from "./view";

/** What the filter says of calls without an environment. */
const NONE = "-";

/** The filter that every page shares: project, environment, time, whether it follows; and the search. */
export function TopBar({ onSearch }: { onSearch: () => void }) {
  const { set } = useView();
  const view = useShared();
  return (
    <header className="hg-top">
      <ProjectMenu view={view} />
      <EnvironmentMenu view={view} />
      <button type="button" className="hg-search-button" onClick={onSearch}>
        <IconSearch size={14} stroke={1.6} />
        <span>Search</span>
        <kbd>Ctrl K</kbd>
      </button>
      <span className="hg-spring" />
      <TimeMenu view={view} />
      <Switch
        label="Live"
        size="xs"
        checked={view.isLive}
        disabled={view.from !== undefined}
        onChange={(event) => set({ live: event.currentTarget.checked ? null : "off" }, true)}
      />
    </header>
  );
}

function Chooser(props: {
  label: string;
  shown: string;
  options: [string, string][];
  onChoose: (value: string) => void;
  children?: React.ReactNode;
}) {
  return (
    <Menu shadow="md" position="bottom-start" withinPortal={false}>
      <Menu.Target>
        <button type="button" className="hg-menu-button" aria-label={`${props.label}: ${props.shown}`}>
          <span className="hg-ellipsis">{props.shown}</span>
          <IconChevronDown size={13} stroke={1.8} />
        </button>
      </Menu.Target>
      <Menu.Dropdown className="hg-menu">
        {props.options.map(([value, title]) => (
          <Menu.Item key={value} onClick={() => props.onChoose(value)}>
            {title}
          </Menu.Item>
        ))}
        {props.children}
      </Menu.Dropdown>
    </Menu>
  );
}

/** The projects that there are calls of, and those of one's own. */
function useProjects(): string[] {
  const session = useSession();
  const costs = useQuery({
    queryKey: ["projects"],
    queryFn: () => ask(api.GET("/api/v1/costs", { params: { query: { group_by: "project" } } })),
    enabled: useMay("costs:read"),
    staleTime: 60_000,
  });
  const found = (costs.data?.items ?? []).flatMap((row) => (row.project ? [row.project] : []));
  return [...new Set([...(session.projects ?? []), ...found])].sort();
}

function ProjectMenu({ view }: { view: Shared }) {
  const { set } = useView();
  const session = useSession();
  const projects = useProjects();
  const all: [string, string][] = session.projects === null ? [["", "All projects"]] : [];
  const only = session.projects?.length === 1 ? session.projects[0] : undefined;
  return (
    <Chooser
      label="project"
      shown={view.project ?? only ?? "All projects"}
      options={[...all, ...projects.map((name): [string, string] => [name, name])]}
      onChoose={(value) => set({ project: value, environment: null })}
    />
  );
}

/** The environments that releases are in force in, and those that there are calls of; "-" is that of calls without one. */
function useEnvironments(project: string | undefined): string[] {
  const found = useQuery({
    queryKey: ["environments", project],
    queryFn: () => ask(api.GET("/api/v1/environments", { params: { query: { limit: 500 } } })),
    enabled: useMay("releases:read"),
    staleTime: 60_000,
  });
  const costs = useQuery({
    queryKey: ["environments", "of calls", project],
    queryFn: () => ask(api.GET("/api/v1/costs", { params: { query: { group_by: "environment", ...(project ? { project } : {}) } } })),
    enabled: useMay("costs:read"),
    staleTime: 60_000,
  });
  const items = (found.data?.items ?? []).filter((each) => !project || each.project === project);
  const called = (costs.data?.items ?? []).map((row) => row.environment ?? "");
  const names = [...new Set([...items.map((each) => each.name), ...called])].filter((name) => name !== "").sort();
  return names.length > 0 && called.includes("") ? [...names, NONE] : names;
}

function EnvironmentMenu({ view }: { view: Shared }) {
  const { set } = useView();
  const names = useEnvironments(view.project);
  if (names.length === 0 && !view.environment) {
    return null;
  }
  const titleOf = (name: string): string => (name === NONE ? "No environment" : name);
  return (
    <Chooser
      label="environment"
      shown={view.environment ? titleOf(view.environment) : "All environments"}
      options={[["", "All environments"], ...names.map((name): [string, string] => [name, titleOf(name)])]}
      onChoose={(value) => set({ environment: value })}
    />
  );
}

function TimeMenu({ view }: { view: Shared }) {
  const { set } = useView();
  const shown =
    view.from && view.to ? `${moment(view.from)} to ${moment(view.to)}` : (RANGES[view.range]?.[0] ?? view.range);
  return (
    <Chooser
      label="time"
      shown={shown}
      options={Object.entries(RANGES).map(([range, [title]]) => [range, title])}
      onChoose={(range) => set({ range, from: null, to: null })}
    >
      <Menu.Divider />
      <OwnTime view={view} />
    </Chooser>
  );
}

function OwnTime({ view }: { view: Shared }) {
  const { set } = useView();
  const times = timesOf(view);
  const [from, setFrom] = useState(() => local(times.from));
  const [to, setTo] = useState(() => local(times.to));
  const isRight = Date.parse(from) < Date.parse(to);
  return (
    <form
      className="hg-own-time"
      onSubmit={(event) => {
        event.preventDefault();
        if (isRight) {
          set({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), range: null });
        }
      }}
    >
      <label>
        From
        <input type="datetime-local" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        To
        <input type="datetime-local" value={to} onChange={(event) => setTo(event.currentTarget.value)} />
      </label>
      <button type="submit" className="hg-button" disabled={!isRight}>
        Show this time
      </button>
    </form>
  );
}

function local(instant: string): string {
  return moment(instant).replace(" ", "T");
}
