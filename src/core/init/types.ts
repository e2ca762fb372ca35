/** A text file of a project; the path is from its top, with `/`. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** What stands in a folder that may become a fleet. */
export interface Project {
  /** Name of the folder itself. */
  readonly name: string;
  readonly dockerfiles: readonly ProjectFile[];
  /** Compose files, Kubernetes manifests, whatever else is YAML. */
  readonly yaml: readonly ProjectFile[];
  /** Paths of all files, for what a Dockerfile copies. */
  readonly paths: ReadonlySet<string>;
  readonly remote: string | undefined;
  readonly branch: string | undefined;
  /** What was left out, one sentence each. */
  readonly problems: readonly string[];
}

/** An image that is built here. */
export interface FoundImage {
  readonly name: string;
  /** From the top of the project, `.` for the top itself. */
  readonly context: string;
  /** From the context. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  /** Repository by which running systems pull it, without registry and tag; undefined where nothing says. */
  readonly repository: string | undefined;
  /** Images of others that it is made of. */
  readonly bases: readonly string[];
}

/** A compose file whose services run images that are built here. */
export interface FoundCompose {
  readonly path: string;
  /** Image to service. */
  readonly services: Readonly<Record<string, string>>;
}

/** What was found out about a project. */
export interface Findings {
  readonly images: readonly FoundImage[];
  /** Images of others that run here, and where that stands. */
  readonly others: readonly { readonly reference: string; readonly where: string }[];
  readonly compose: readonly FoundCompose[];
  /** Manifests that run images which are built here, and which. */
  readonly manifests: readonly { readonly path: string; readonly images: readonly string[] }[];
  /** Pipelines that build images, and how they do it. */
  readonly pipelines: readonly { readonly path: string; readonly by: "github" | "gitlab" | "other" }[];
  readonly problems: readonly string[];
}
