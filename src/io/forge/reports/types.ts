/** What one check says of a commit. */
export interface CommitStatus {
  readonly state: "pending" | "success" | "failure";
  /** Which check it is: a later one of the same name takes its place. */
  readonly context: string;
  /** One line; what is too long is cut. */
  readonly description: string;
  /** The page with more. */
  readonly url?: string;
}

/** What one check says of a commit, at length. */
export interface CheckRun {
  /** Which check it is: a later one of the same name takes its place. */
  readonly name: string;
  readonly state: "success" | "failure";
  /** One line. */
  readonly title: string;
  /** Markdown; what is too long is cut. */
  readonly summary: string;
  /** The page with more. */
  readonly url?: string;
}

/** What became of a comment, or of a check run. */
export interface PutComment {
  readonly kind: "made" | "changed" | "same";
  readonly url: string;
}

/** What a pipeline says in a repository. Every call throws ForgeError. */
export interface ForgeReports {
  /**
   * Makes the comment of a pull request that begins with `marker`, or changes it: there is one of ours, however often and by how many at once it is put. Comments of others are left alone, whatever they begin with.
   * `body` has no more than 65,536 characters.
   */
  putComment(number: number, marker: string, body: string, signal: AbortSignal): Promise<PutComment>;
  /** Says something of a commit. The same twice is once. */
  setStatus(sha: string, status: CommitStatus, signal: AbortSignal): Promise<void>;
  /** Says something of a commit at length. The same twice is once. Undefined where the forge has no such thing. */
  readonly putCheck: ((sha: string, check: CheckRun, signal: AbortSignal) => Promise<PutComment>) | undefined;
}

/** A comment as it stands. */
export interface Comment {
  readonly id: number;
  readonly body: string;
  /** Name of the account that wrote it. */
  readonly author: string;
  readonly url: string;
}

/** One kind of forge, as far as comments and statuses go. */
export interface ReportsApi {
  /** The account that the token is of; undefined where the forge does not tell this token. */
  self(signal: AbortSignal): Promise<string | undefined>;
  /** Whose comments are ours where the forge does not tell: the account of tokens of jobs. */
  readonly jobAccounts: readonly string[];
  /** Comments of a pull request, the oldest first, page by page; an empty page is the end. */
  list(number: number, page: number, signal: AbortSignal): Promise<readonly Comment[]>;
  create(number: number, body: string, signal: AbortSignal): Promise<Comment>;
  update(number: number, id: number, body: string, signal: AbortSignal): Promise<Comment>;
  remove(number: number, id: number, signal: AbortSignal): Promise<void>;
  setStatus(sha: string, status: CommitStatus, signal: AbortSignal): Promise<void>;
}
