"""The page's style sheet: colours that the colour-blind tell apart, light and dark, and the plots' line widths."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c1c1c; --faint: #5d5d5d; --grid: #e2e2e2; --axis: #8a8a8a;
  --c0: #b23b00; --c1: #8a5a00; --c2: #6a6a00; --c3: #0072b2; --c4: #008060; --c5: #7a3ea1; --c6: #555; --c7: #b0307a; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181b; --text: #e8e8e8; --faint: #a9a9a9; --grid: #2e3237; --axis: #7d838a;
    --c0: #ff8a50; --c1: #e6a83c; --c2: #cccc55; --c3: #5cb8f0; --c4: #3fd0a5; --c5: #c79bef; --c6: #bbb;
    --c7: #f08ac0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 28px; margin: 0 0 8px; } h2 { font-size: 20px; margin: 40px 0 8px; }
.lead { font-size: 17px; max-width: 75ch; } p { max-width: 85ch; }
svg { width: 100%; min-width: 720px; height: auto; display: block; font: 13px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--text); } svg .tick { fill: var(--faint); font-size: 12px; } svg .name { fill: var(--faint); }
.end { text-anchor: end; } .middle { text-anchor: middle; } .label { text-anchor: start; }
.grid { stroke: var(--grid); fill: none; } .minor { stroke-width: .5; } .axis { stroke: var(--axis); fill: none; }
.level { stroke: var(--faint); stroke-dasharray: 1 4; stroke-width: 1.5; fill: none; stroke-linecap: round; }
.leader { stroke: var(--axis); stroke-width: .75; stroke-dasharray: 1 2; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.spread { stroke: currentColor; stroke-width: 5; stroke-opacity: .3; fill: none; }
.mark { fill: currentColor; } .hollow { fill: var(--back); stroke: currentColor; stroke-width: 2; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 10px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--grid); }
th { font-weight: normal; } th:first-child { min-width: 10em; text-align: left; } thead th { color: var(--faint); }
td { white-space: nowrap; } small { display: block; color: var(--faint); font-size: 12px; }
"""
