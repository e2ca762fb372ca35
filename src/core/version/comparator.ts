export type Operator = "<" | "<=" | "=" | "!=" | ">=" | ">";

/** What a version must be, relative to another one. */
export interface Comparator<V> {
  readonly operator: Operator;
  readonly version: V;
}

/** Whether what has this order relative to the version of a comparator is as its operator says. */
export function holds(operator: Operator, order: number): boolean {
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
  }
}

/** Longer texts are no ranges, in any scheme. */
export const maxRangeLength = 4096;
