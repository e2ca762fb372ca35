/** The page's style sheet: system fonts, two palettes, no colour that carries meaning alone. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --card: #ffffff; --line: #e3e3dc; --text: #1c2024; --soft: #62676e;
  --good: #17693f; --good-ground: #e3f3e9; --busy: #1d5a96; --busy-ground: #e3eefa;
  --warn: #8a5300; --warn-ground: #fdf0d8; --bad: #a8201a; --bad-ground: #fde8e6; --link: #1d5a96;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1b1f23; --line: #2d3339; --text: #e6e8ea; --soft: #9aa2ab;
    --good: #6fd29b; --good-ground: #16301f; --busy: #82b8f0; --busy-ground: #16283b;
    --warn: #f0bf6a; --warn-ground: #362911; --bad: #ff9d95; --bad-ground: #3b1b19; --link: #82b8f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 78rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.5rem; display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1rem; margin: 0; padding: .8rem 1rem .5rem; }
h2 small { font-weight: 400; color: var(--soft); margin-left: .4rem; }
.lead { font-size: 1.05rem; margin: .75rem 0 1rem; }
.soft { color: var(--soft); }
.right { margin-left: auto; display: flex; align-items: baseline; gap: .75rem; }
.door button { font: inherit; color: var(--link); background: none; border: 0; padding: 0; cursor: pointer; text-decoration: underline; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0 0 1rem; overflow: hidden; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: .78rem; font-weight: 600; color: var(--soft); }
th, td { padding: .45rem 1rem; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; padding-top: .1rem; }
tbody th { font-weight: 600; font-size: inherit; color: inherit; }
td small, th small { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
td.why { min-width: 16rem; max-width: 34rem; overflow-wrap: anywhere; }
code { font: .86em ui-monospace, SFMono-Regular, Menlo, monospace; }
.empty { padding: 0 1rem .9rem; margin: 0; color: var(--soft); }
.state { display: inline-block; padding: .05rem .5rem; border-radius: 999px; font-size: .82rem; white-space: nowrap; }
.good { color: var(--good); background: var(--good-ground); }
.busy { color: var(--busy); background: var(--busy-ground); }
.warn { color: var(--warn); background: var(--warn-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.quiet { color: var(--soft); background: var(--ground); border: 1px solid var(--line); }
.alarms { border-color: var(--bad); }
.alarms ul { margin: 0; padding: 0; list-style: none; }
.alarms li { padding: .5rem 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.alarms p { margin: .1rem 0 0; color: var(--soft); }
footer { padding-bottom: 2rem; color: var(--soft); font-size: .85rem; }
a { color: var(--link); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .6rem; }
time, .state, code, td small { white-space: nowrap; }
td.why small { white-space: normal; }
@media (max-width: 44rem) {
  header, main, footer { padding-left: .75rem; padding-right: .75rem; }
  thead { position: absolute; left: -99rem; }
  tbody tr { display: flex; flex-wrap: wrap; gap: .15rem 1rem; padding: .55rem 1rem; border-top: 1px solid var(--line); }
  tbody th, tbody td { border: 0; padding: 0; }
  tbody th { flex: 1 1 auto; }
  td.why { flex: 1 0 100%; min-width: 0; }
  td:empty { display: none; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: .8rem; }
}
`;
