export type { ScanFeed, ScanFinding, ScanPlatform, ScanReport, ScanSubject } from "./types.ts";
