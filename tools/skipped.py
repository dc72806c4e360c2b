"""Count and name the tests that were skipped, by reason, from pytest's JUnit files.

With TRIVIUM_NO_SKIPS=1 (as continuous integration runs) a skipped test is a failure.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path


def skipped_by_reason(reports: list[Path]) -> dict[str, list[str]]:
    """Test names by the reason they gave; an expected failure is no skip."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for report in reports:
        for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  written by our own pytest a moment ago
            for skip in case.findall("skipped"):
                if skip.get("type") != "pytest.xfail":
                    reasons[skip.get("message", "no reason given")].append(f"{case.get('classname')}::{case.get('name')}")
    return dict(reasons)


def main() -> int:
    """Print the account; the exit code says whether it is good enough."""
    reports = [Path(name) for name in sys.argv[1:]]
    if not reports:
        print("no test reports: nothing was tested")
        return 1
    reasons = skipped_by_reason(reports)
    count = sum(map(len, reasons.values()))
    print(f"skipped tests: {count}")
    for reason, names in sorted(reasons.items()):
        print(f"  {reason} ({len(names)})")
        for name in names:
            print(f"    {name}")
    if count and os.environ.get("TRIVIUM_NO_SKIPS") == "1":
        print("TRIVIUM_NO_SKIPS=1: a skipped test is a failure here")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
