/** What a row of the tables of refusals says. */
export interface ErrorFacts {
  readonly code: string;
  /** HTTP status of an answer that carries it. */
  readonly status: number;
  /** Exit code of a command that ends with it: 1 failure, 2 usage, 3 findings, 4 not found, 5 conflict. */
  readonly exit: 1 | 2 | 3 | 4 | 5;
  /** What it means, in one line. */
  readonly title: string;
}
