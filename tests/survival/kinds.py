"""The kinds of calls of a stroll over several accounts, and how often each is made."""

from collections.abc import Awaitable, Callable

from tests.survival.changing import create, delete, redeem, rename, take_offline
from tests.survival.planning import carry_out, plan, plan_to_delete, plan_to_undo, plan_uploads, stop
from tests.survival.reading import (
    audit,
    complete_hash,
    count_account,
    count_one,
    download,
    embed_one,
    get_one,
    go_on_with_report,
    list_documents,
    list_some,
    list_uploads,
    look_at_all,
    read_resource,
    report,
    report_on_all,
    sample_lead,
)
from tests.survival.strolling import Life, Stroll
from tests.survival.trespassing import (
    read_by_foreign_link,
    stop_foreign_work,
    use_foreign_code,
    use_foreign_plan,
    use_foreign_report,
    use_foreign_upload,
    write_by_foreign_link,
    write_to_foreign_hash,
    write_without_a_name,
)

Kind = Callable[[Stroll, Life], Awaitable[None]]
KINDS: dict[Kind, int] = {
    list_some: 8, look_at_all: 2, get_one: 8, count_one: 5, embed_one: 3, count_account: 3, sample_lead: 1, list_uploads: 2, download: 2,
    read_resource: 3, complete_hash: 2, report: 4, go_on_with_report: 2, report_on_all: 2, audit: 1, list_documents: 2,
    rename: 14, create: 5, take_offline: 4, delete: 8, redeem: 6, plan: 5, carry_out: 12,
    plan_to_delete: 4, plan_to_undo: 5, plan_uploads: 3, stop: 3, stop_foreign_work: 2,
    use_foreign_code: 7, use_foreign_plan: 5, use_foreign_report: 3, use_foreign_upload: 3, read_by_foreign_link: 3,
    write_by_foreign_link: 3, write_to_foreign_hash: 3, write_without_a_name: 3,
}  # fmt: skip
"""Each with its weight."""
