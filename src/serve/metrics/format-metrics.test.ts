import { describe, expect, it } from "vitest";
import { formatMetrics } from "./format-metrics.ts";

describe("formatMetrics", () => {
  it("writes help, type and samples, and leaves out what has none", () => {
    const text = formatMetrics([
      {
        kind: "gauge",
        name: "a_seconds",
        help: "How long.",
        samples: [{ value: 1.5 }, { labels: { of: "x" }, value: 2 }],
      },
      { kind: "counter", name: "b_total", help: "None.", samples: [] },
    ]);
    expect(text).toBe('# HELP a_seconds How long.\n# TYPE a_seconds gauge\na_seconds 1.5\na_seconds{of="x"} 2\n');
  });

  it("a label may hold any text, and ends no line", () => {
    const text = formatMetrics([
      { kind: "gauge", name: "a", help: "Two\nlines \\", samples: [{ labels: { of: 'x"} 1\n\\evil' }, value: 1 }] },
    ]);
    expect(text).toBe('# HELP a Two\\nlines \\\\\n# TYPE a gauge\na{of="x\\"} 1\\n\\\\evil"} 1\n');
  });

  it("a histogram has its buckets, all, sum and count", () => {
    const series = [{ labels: { of: "x" }, buckets: [{ le: 1, count: 2 }], count: 3, sum: 9.5 }];
    expect(formatMetrics([{ kind: "histogram", name: "d", help: "h", series }])).toBe(
      '# HELP d h\n# TYPE d histogram\nd_bucket{of="x",le="1"} 2\nd_bucket{of="x",le="+Inf"} 3\nd_sum{of="x"} 9.5\nd_count{of="x"} 3\n',
    );
  });

  it.each([
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [1e21, "1e+21"],
  ])("%s is %s", (value, word) => {
    expect(formatMetrics([{ kind: "gauge", name: "a", help: "h", samples: [{ value }] }])).toContain(`a ${word}\n`);
  });
});
