/** The steps at which all lists have a value, as far as they follow one another. Pure. */
export function runsOf(first: (number | null)[], ...others: (number | null)[][]): number[][] {
  const runs: number[][] = [];
  first.forEach((each, step) => {
    if (each === null || others.some((values) => values[step] === null)) {
      return;
    }
    const last = runs.at(-1);
    if (last?.at(-1) === step - 1) {
      last.push(step);
    } else {
      runs.push([step]);
    }
  });
  return runs;
}
