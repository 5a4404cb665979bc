"""The weekly report: how flipbooks did against the period before, as a page to mail.

python -m examples.weekly_report
"""

from __future__ import annotations

import anyio

from examples.talking import Assistant, play, says


async def conversation(assistant: Assistant) -> None:
    """A report goes on by itself: the first call begins it, the next ones wait for it."""
    says("How did the weekly offers do, against the month before? I want to mail it.")
    begun = await assistant.call("report_stats", query="weekly offers", compare=True, save_as="html", wait_seconds=0)
    report = await assistant.until_done("report_stats", report_id=begun["report_id"], wait_seconds=45)
    assert report["state"] == "complete"
    views = [row["views"] for row in report["collections"]]
    assert views == sorted(views, reverse=True)
    assert "views" in report["change"]
    page = await anyio.Path(report["path"]).read_text(encoding="utf-8")
    assert all(row["title"] in page for row in report["collections"])

    says("Which of them did nobody open?")
    assert not report.get("unread")
    print(f"  that stands in the report: without_views {report['totals']['without_views']}")


if __name__ == "__main__":
    play(conversation)
