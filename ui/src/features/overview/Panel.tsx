/** One chart of the overview: what it is of, and what it comes to. */
export function Panel({ title, total, children }: { title: string; total: React.ReactNode; children: React.ReactNode }) {
  return (
    <section className="hg-panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="hg-total">{total}</span>
      </header>
      {children}
    </section>
  );
}
