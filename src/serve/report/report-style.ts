/** The report's style sheet: it reads on a screen, light or dark, and prints on A4 and Letter. No colour carries meaning alone. */
export const reportStyle = `
:root { color-scheme: light dark; --ground: #fff; --line: #d9d9d2; --text: #1c2024; --soft: #5c6168; --first: #1d5a96; --second: #b4530a; --bar: #9db8d6; --bad: #a8201a; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --line: #2d3339; --text: #e6e8ea; --soft: #a3abb3; --first: #82b8f0; --second: #f0a35c; --bar: #33587e; --bad: #ff9d95; } }
@media print { :root { --ground: #fff; --line: #bbb; --text: #000; --soft: #444; --first: #1d5a96; --second: #b4530a; --bar: #9db8d6; --bad: #a8201a; } @page { margin: 14mm; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1.25rem 3rem; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
.soft { color: var(--soft); }
.doubt { border-left: 4px solid var(--bad); padding: .4rem .8rem; margin: 1rem 0; }
.doubt ul { margin: .25rem 0; padding-left: 1.2rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
figure { margin: .5rem 0 1rem; break-inside: avoid; }
figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; max-height: 15rem; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); } .bar { fill: var(--bar); } .bar-strong { fill: var(--second); }
.line { fill: none; stroke: var(--first); stroke-width: 2; } .line-second { fill: none; stroke: var(--second); stroke-width: 2; stroke-dasharray: 5 3; }
.dot { fill: var(--first); } .dot-second { fill: var(--second); }
.key { display: inline-block; width: 1.6rem; height: 0; border-top: 2px solid var(--first); vertical-align: middle; margin: 0 .35rem 0 .9rem; }
.key-second { border-top: 2px dashed var(--second); }
.key-bar { height: .7rem; border: 0; background: var(--bar); width: .9rem; } .key-strong { background: var(--second); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .8rem; }
.n { text-align: right; white-space: nowrap; }
tr { break-inside: avoid; } thead { display: table-header-group; } h2 { break-after: avoid; }
summary { cursor: pointer; color: var(--soft); font-size: .85rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .75rem; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } .scroll { overflow: visible; } summary { display: none; } dd { font-size: 1.2rem; } }
`;
