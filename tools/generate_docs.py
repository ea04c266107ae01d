"""Writes the documents that are printed from code and tests; with --check, fails when one of them is stale."""

import argparse
import sys
from pathlib import Path

from tools.cli_man import manual_page
from tools.decision_table import decision_table
from tools.definition_schema import definition_schema
from tools.event_schema import events_schema
from tools.events_doc import events_doc
from tools.pace_doc import pace_doc
from tools.performance_doc import performance_doc
from tools.readiness_doc import readiness_doc
from tools.traceability import traceability
from tools.tuning_doc import tuning_doc

ROOT = Path(__file__).resolve().parents[1]


def documents() -> dict[Path, str]:
    """Every generated document by its path, as it should be."""
    docs = ROOT / "docs"
    return {
        ROOT / "cli" / "understudy.1": manual_page(),
        docs / "decision-table.md": decision_table(),
        docs / "cluster.schema.json": definition_schema(),
        docs / "events.md": events_doc(),
        docs / "events.schema.json": events_schema(),
        docs / "pace.md": pace_doc(ROOT),
        docs / "performance.md": performance_doc(ROOT),
        docs / "readiness.md": readiness_doc(),
        docs / "traceability.md": traceability(ROOT),
        docs / "tuning.md": tuning_doc(ROOT),
    }


def stale(wanted: dict[Path, str]) -> list[Path]:
    """The documents that are missing or differ from what the code says."""
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write what is stale, or only name it. The exit status is 1 when a check found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is stale")
    is_check = parser.parse_args().check
    wanted = documents()
    found = stale(wanted)
    for path in found:
        name = path.relative_to(ROOT)
        if is_check:
            print(f"{name} is stale: run `make docs`", file=sys.stderr)
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"{name} written")
    return int(is_check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
