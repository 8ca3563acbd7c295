// A list of all projects, as far as it was fetched, narrowed to the one that is looked at. Pure.

interface Pages<Item> {
  data: { pages: { items: readonly Item[] }[] } | undefined;
}

/** The items of a project; what is of no project concerns all of them. More of it may stand on pages that follow. */
export function ofProject<Item extends { project: string | null }>({ data }: Pages<Item>, project: string | undefined): Item[] {
  const all = data?.pages.flatMap((page) => page.items) ?? [];
  return project ? all.filter((each) => each.project === null || each.project === project) : all;
}
