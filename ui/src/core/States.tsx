// What stands where data will be, isn't, or can't be shown.

export function Loading({ what }: { what: string }) {
  return (
    <div className="hg-waiting" role="status" aria-live="polite">
      <span className="hg-pulse" aria-hidden="true" />
      Loading {what} …
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : "";
  const id = error instanceof Error && "requestId" in error && typeof error.requestId === "string" ? error.requestId : "";
  return (
    <div className="hg-failed" role="alert">
      <p>
        <strong>This can't be shown:</strong> {message}
      </p>
      {hint && <p className="hg-soft">hint: {hint}</p>}
      {id && <p className="hg-soft">request {id}</p>}
      {onRetry && (
        <button type="button" className="hg-button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <div className="hg-empty">
      <p className="hg-empty-title">{title}</p>
      {children}
    </div>
  );
}

interface Answer<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** A question's answer, or what stands in its place. What was shown stays while it is asked again. */
export function Answered<T>({
  of,
  what,
  children,
}: {
  of: Answer<T>;
  what: string;
  children: (data: T) => React.ReactNode;
}) {
  if (of.data !== undefined) {
    return children(of.data);
  }
  return of.error ? <Failed error={of.error} onRetry={() => void of.refetch()} /> : <Loading what={what} />;
}
