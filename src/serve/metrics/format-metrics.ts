/** One figure with the labels that tell it from the others of its name. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric of the Prometheus data model. Names end in the unit: `_seconds`, `_bytes`; those of counters in `_total`. */
export type Metric =
  | {
      readonly kind: "gauge" | "counter";
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample[];
    }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly help: string;
      readonly series: readonly Series[];
    };

/** One histogram with its labels. */
export interface Series {
  readonly labels?: Readonly<Record<string, string>>;
  /** Upper bounds and how many are at most that, growing; what is above the last is in `count` alone. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

/** The text that a Prometheus scrape reads: text-based format 0.0.4. A metric without a sample is left out; labels may hold any text. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(formatMetric).join("");
}

function formatMetric(metric: Metric): string {
  const lines =
    metric.kind === "histogram"
      ? metric.series.flatMap((one) => histogramLines(metric.name, one))
      : metric.samples.map((one) => line(metric.name, one));
  if (lines.length === 0) return "";
  const help = metric.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return [`# HELP ${metric.name} ${help}`, `# TYPE ${metric.name} ${metric.kind}`, ...lines, ""].join("\n");
}

function histogramLines(name: string, { labels = {}, buckets, count, sum }: Series): string[] {
  return [
    ...buckets.map(({ le, count: below }) =>
      line(`${name}_bucket`, { labels: { ...labels, le: number(le) }, value: below }),
    ),
    line(`${name}_bucket`, { labels: { ...labels, le: "+Inf" }, value: count }),
    line(`${name}_sum`, { labels, value: sum }),
    line(`${name}_count`, { labels, value: count }),
  ];
}

function line(name: string, { labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${number(value)}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
