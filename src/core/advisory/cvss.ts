import calculator from "ae-cvss-calculator";

/** The versions of CVSS as OSV records name them. OSV schema, severity[].type. */
export type CvssType = "CVSS_V2" | "CVSS_V3" | "CVSS_V4";

const v2 =
  /^(?:(?:AV:[NAL]|AC:[LMH]|Au:[MSN]|[CIA]:[NPC]|E:(?:U|POC|F|H|ND)|RL:(?:OF|TF|W|U|ND)|RC:(?:UC|UR|C|ND)|CDP:(?:N|L|LM|MH|H|ND)|TD:(?:N|L|M|H|ND)|[CIA]R:(?:L|M|H|ND))(?:\/|$))+$/;
const v3 =
  /^CVSS:3\.[01](?:\/(?:AV:[NALP]|AC:[LH]|PR:[NLH]|UI:[NR]|S:[UC]|[CIA]:[NLH]|E:[XUPFH]|RL:[XOTWU]|RC:[XURC]|[CIA]R:[XLMH]|MAV:[XNALP]|MAC:[XLH]|MPR:[XNLH]|MUI:[XNR]|MS:[XUC]|M[CIA]:[XNLH]))+$/;
const v4 =
  /^CVSS:4\.0\/AV:[NALP]\/AC:[LH]\/AT:[NP]\/PR:[NLH]\/UI:[NPA]\/VC:[HLN]\/VI:[HLN]\/VA:[HLN]\/SC:[HLN]\/SI:[HLN]\/SA:[HLN](?:\/E:[XAPU])?(?:\/CR:[XHML])?(?:\/IR:[XHML])?(?:\/AR:[XHML])?(?:\/MAV:[XNALP])?(?:\/MAC:[XLH])?(?:\/MAT:[XNP])?(?:\/MPR:[XNLH])?(?:\/MUI:[XNPA])?(?:\/MVC:[XNLH])?(?:\/MVI:[XNLH])?(?:\/MVA:[XNLH])?(?:\/MSC:[XNLH])?(?:\/MSI:[XNLHS])?(?:\/MSA:[XNLHS])?(?:\/S:[XNP])?(?:\/AU:[XNY])?(?:\/R:[XAUI])?(?:\/V:[XDC])?(?:\/RE:[XLMH])?(?:\/U:(?:X|Clear|Green|Amber|Red))?$/;
const shapes: Readonly<Record<CvssType, RegExp>> = { CVSS_V2: v2, CVSS_V3: v3, CVSS_V4: v4 };
const longest = 512;

/** Whether `vector` is one of `type`, as records may carry it. OSV schema, severity[].score. */
export function isVector(type: CvssType, vector: string): boolean {
  return vector.length <= longest && shapes[type].test(vector) && !vector.endsWith("/");
}

/** The base score of a CVSS vector, 0 to 10; undefined where it is none of `type` or lacks a base metric. CVSS 2.0, 3.0, 3.1 and 4.0. */
export function baseScore(type: CvssType, vector: string): number | undefined {
  if (!isVector(type, vector)) return undefined;
  try {
    const score = scoreOf(type, vector);
    return score === undefined || !(score >= 0 && score <= 10) ? undefined : score;
  } catch {
    // The calculator throws where a metric is missing.
    return undefined;
  }
}

function scoreOf(type: CvssType, vector: string): number | undefined {
  if (type === "CVSS_V2") {
    const cvss = new calculator.Cvss2(vector);
    return cvss.isBaseFullyDefined() ? cvss.calculateScores().base : undefined;
  }
  if (type === "CVSS_V4") {
    const cvss = new calculator.Cvss4P0(vector);
    return cvss.isBaseFullyDefined() ? cvss.calculateScores().baseMetricsOnly : undefined;
  }
  const cvss = vector.startsWith("CVSS:3.0/") ? new calculator.Cvss3P0(vector) : new calculator.Cvss3P1(vector);
  return cvss.isBaseFullyDefined() ? cvss.calculateScores().base : undefined;
}
