// What of an answer may stand while another is asked for. Pure.

/**
 * What was shown stays while more is asked for, such as another time; but never what is told apart by one thing under the
 * name of another. What it is told apart by stands last in the key of the question.
 */
export function keptWithin(by: string) {
  return <Data>(before: Data | undefined, question: { queryKey: readonly unknown[] } | undefined): Data | undefined =>
    question?.queryKey.at(-1) === by ? before : undefined;
}
