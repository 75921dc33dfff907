"""The table of the corpora, printed at the end of every run that judged them."""

from __future__ import annotations

import pytest

TALLY = "tally"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    tallies = [value for report in reports for name, value in report.user_properties if name == TALLY]
    if not tallies:
        return
    terminalreporter.section("open corpora")
    terminalreporter.write_line(f"{'suite':24}{'cases':>7}{'judged':>8}{'passed':>8}{'rate':>9}")
    for suite, cases, judged, passed in sorted(map(tuple, tallies)):
        rate = passed / judged if judged else 1
        terminalreporter.write_line(f"{suite:24}{cases:7}{judged:8}{passed:8}{rate:9.2%}")
