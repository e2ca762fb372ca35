/** Where something stands in a document: keys and indices from the top. */
export type Path = readonly (string | number)[];

/** A mistake by its place in the document. */
export interface Mistake {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string | undefined;
}
