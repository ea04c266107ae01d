"""How the board looks, light and dark. Every selector begins with `.us`, so nothing else on a dashboard changes."""

from collections.abc import Mapping
from enum import StrEnum

from understudy.board.markup import Html


class Theme(StrEnum):
    """Whose colours: those of the dashboard, or what the reader's browser prefers."""

    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"


COLOURS: Mapping[Theme, Mapping[str, str]] = {
    Theme.LIGHT: {
        "ground": "#f2f4f7",
        "card": "#ffffff",
        "line": "#d5dbe3",
        "text": "#16202c",
        "quiet": "#56636f",
        "calls": "#b42318",
        "unread": "#6b3fa0",
        "moving": "#0b5cad",
        "degraded": "#8a5300",
        "held": "#46566a",
        "well": "#17713a",
    },
    Theme.DARK: {
        "ground": "#0f151c",
        "card": "#18212b",
        "line": "#2f3c49",
        "text": "#e8eef4",
        "quiet": "#9fb0c0",
        "calls": "#ff8278",
        "unread": "#c9a4ff",
        "moving": "#74b9ff",
        "degraded": "#f2b544",
        "held": "#b3c3d3",
        "well": "#62cf86",
    },
}
"""Every colour of text reads at 4.5 to 1 or better on the ground and on the cards (WCAG AA); a test counts."""

PHASES: Mapping[Theme, tuple[str, ...]] = {
    Theme.LIGHT: ("#6f8399", "#b9772a", "#3b7fc4", "#8b62c9", "#2a9563"),
    Theme.DARK: ("#8ea2b8", "#dfa254", "#68a8e6", "#ae8be6", "#4fc08a"),
}
"""The colours of a transition's phases, which are neither good nor bad; 3 to 1 or better on the cards."""

RULES = """
.us{background:var(--ground);color:var(--text);font:13px/1.45 "Amazon Ember","Helvetica Neue",Arial,"Liberation Sans",
"DejaVu Sans",sans-serif;padding:12px 16px;overflow-wrap:anywhere;box-sizing:border-box;min-height:100%}
.us *{box-sizing:border-box}
.us h2,.us h3,.us h4,.us p,.us ul{margin:0;padding:0;font-weight:400}
.us ul{list-style:none}
.us :focus-visible{outline:3px solid var(--moving);outline-offset:2px;border-radius:3px}
.us .us-quiet{color:var(--quiet);font-weight:400}
.us .us-top{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 16px;margin:0 0 10px}
.us .us-say{font-size:22px;font-weight:700;line-height:1.25;flex:1 1 70%;color:var(--tone)}
.us .us-counts{display:flex;flex-wrap:wrap;gap:2px 18px;flex:1 1 100%}
.us .us-count b{font-size:17px;color:var(--tone)}
.us .us-places{flex:1 1 100%;font-weight:600}
.us .us-note{border:1px dashed var(--unread);border-radius:8px;padding:6px 12px;margin:0 0 10px}
.us .us-group{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--tone);border-radius:8px;
padding:8px 14px;margin:0 0 10px}
.us h3{font-size:15px;line-height:1.35}
.us summary h3{display:inline}
.us .us-title{font-weight:700;color:var(--tone);margin-left:8px}
.us .us-todo{margin:4px 0;font-size:14px;max-width:110em}
.us .us-cause{margin:2px 0 4px}
.us .us-faults{margin:4px 0 0 24px;list-style:disc}
.us .us-word{display:inline-flex;align-items:center;gap:6px;color:var(--tone);font-weight:700;white-space:nowrap}
.us .us-glyph{display:inline-flex;width:18px;height:18px;border-radius:50%;background:var(--tone);color:var(--card);
align-items:center;justify-content:center;font-size:12px;font-weight:700;line-height:1;flex:none}
.us .us-line{border-top:1px solid var(--line);padding:4px 0}
.us summary{cursor:pointer}
.us .us-line>summary,.us .us-said{display:flex;flex-wrap:wrap;gap:0 16px;align-items:baseline}
.us .us-line>summary::before{content:"\\25b8";color:var(--quiet);width:1em;margin-right:-8px}
.us .us-line[open]>summary::before{content:"\\25be"}
.us .us-said{padding-left:calc(1em + 8px)}
.us .us-name{font-size:14px;flex:0 1 auto;min-width:9em}
.us .us-how{flex:1 1 auto}
.us .us-more>summary{padding:4px 0;color:var(--moving)}
.us .us-detail{flex:1 1 100%}
.us .us-commands{display:inline-flex;flex-wrap:wrap;gap:4px 10px}
.us .us-commands code{font-size:13px;padding:1px 8px;user-select:all}
.us .us-card{padding:2px 0 8px;margin-left:8px}
.us .us-also{margin:4px 0 0}
.us code{font:12px/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;background:var(--ground);
border:1px solid var(--line);border-radius:4px;padding:0 4px;color:var(--text)}
.us .us-cols{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:4px 24px}
.us h4{font-size:11px;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet);margin:10px 0 2px;
font-weight:600}
.us .us-unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.us .us-scroll{overflow-x:auto;position:relative}
.us table{border-collapse:collapse;width:100%;font-size:13px;background:none}
.us th,.us td{padding:3px 10px 3px 0;border-bottom:1px solid var(--line);vertical-align:top;text-align:left;
background:none;color:inherit}
.us td{min-width:5em}
.us .us-n{white-space:nowrap}
.us tbody th{min-width:8em}
.us thead th{overflow-wrap:normal;color:var(--quiet);font-weight:600;font-size:12px}
.us tbody tr:last-child>*{border-bottom:0}
.us cwdb-action{display:none}
.us .us-good{color:var(--well);font-weight:600}
.us .us-warn{color:var(--degraded);font-weight:600}
.us .us-bad{color:var(--calls);font-weight:600}
.us .us-facts{margin:6px 0 0;color:var(--quiet)}
.us .us-facts span{display:inline-block;max-width:100%;margin-right:16px}
.us .us-facts b{color:var(--text);font-weight:600}
.us .us-move{margin:4px 0 8px}
.us .us-bar{display:block;width:100%;height:10px;border-radius:5px;background:var(--line);margin:3px 0}
.us .us-key{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:4px}
.us .us-keys span{display:inline-block;max-width:100%;margin-right:14px;color:var(--quiet)}
.us a,.us button{color:var(--moving);text-decoration:underline;cursor:pointer}
.us button{background:none;border:0;padding:0;font:inherit}
"""


TONES = ("calls", "unread", "moving", "degraded", "held", "well", "quiet")


def sheet() -> Html:
    """The style sheet. It holds nothing but constants."""
    tones = "".join(f".us .us-t-{tone}{{--tone:var(--{tone})}}" for tone in TONES)
    phases = "".join(
        f".us .us-p{each}{{background:var(--p{each});fill:var(--p{each})}}" for each in range(len(PHASES[Theme.LIGHT]))
    )
    themes = "".join(f".us-{theme}{{{_variables(theme)}}}" for theme in COLOURS)
    light, dark = (f".us-auto{{{_variables(theme)}}}" for theme in COLOURS)
    return Html(f"<style>{themes}{light}@media(prefers-color-scheme:dark){{{dark}}}{RULES}{tones}{phases}</style>")


def _variables(theme: Theme) -> str:
    values = {**COLOURS[theme], **{f"p{number}": colour for number, colour in enumerate(PHASES[theme])}}
    return ";".join([f"color-scheme:{theme}", *(f"--{name}:{colour}" for name, colour in values.items())])
