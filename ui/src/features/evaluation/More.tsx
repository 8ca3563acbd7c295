interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** The way to the pages of a list that follow. */
export function More({ of }: { of: Pages }) {
  return of.hasNextPage ? (
    <button type="button" className="hg-button" disabled={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>
      Show more
    </button>
  ) : null;
}
