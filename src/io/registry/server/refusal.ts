/** Error codes of distribution-spec 1.1, Error Codes; PRECONDITION_FAILED is ours, for If-Match. */
export type AnswerCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "TAG_INVALID"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "PRECONDITION_FAILED"
  | "UNKNOWN";

/** A refusal that becomes an answer. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: AnswerCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: AnswerCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}
