"""What a state file was in earlier versions, and how it becomes what it is now; one whose records went elsewhere stays as it is."""

# ruff: noqa: S608 - the statements are put together from constants

import sqlite3
from typing import Final

# Without json_extract on what is no JSON, which would leave the whole file unusable for one record.
BODY = "CASE WHEN json_valid(body) THEN body ELSE '{}' END"
# What earlier versions had under way gets a lease. They cannot write here any more, but what they are sending goes on:
# nobody looks what came of an upload before ten minutes are over. A beat of 0 says that an owner had let go.
LEASES_OF_UPLOADS = f"""INSERT INTO records (kind, name, body, expires)
    SELECT 'lease', 'upload/' || account || '/' || name, json_object(
        'owner', CASE WHEN beat > 0 THEN owner ELSE '' END,
        'renewed', CASE WHEN beat > 0 THEN beat ELSE coalesce(left_at, 0.0) END,
        'seconds', CASE state WHEN 'uploading' THEN 600.0 ELSE 30.0 END,
        'stop', json(CASE WHEN stop THEN 'true' ELSE 'false' END)), expires
    FROM (SELECT name, expires, json_extract(body, '$.account') AS account, json_extract(body, '$.owner') AS owner,
            json_extract(body, '$.beat') AS beat, json_extract(body, '$.left') AS left_at,
            json_extract(body, '$.state') AS state, json_extract(body, '$.checked') AS checked,
            json_extract(body, '$.stop') AS stop
        FROM (SELECT name, expires, {BODY} AS body FROM records WHERE kind = 'upload'))
    WHERE state IN ('waiting', 'uploading') OR (state = 'interrupted' AND NOT coalesce(checked, 0))"""
LEASES_OF_PLANS = f"""INSERT INTO records (kind, name, body, expires)
    SELECT 'lease', 'plan/' || json_extract(plan.body, '$.account') || '/' || plan.name, json_object(
        'owner', CASE WHEN max(item.beat) > 0 THEN item.owner ELSE '' END,
        'renewed', max(item.beat), 'seconds', 60.0), plan.expires
    FROM (SELECT name, expires, {BODY} AS body FROM records WHERE kind = 'plan') AS plan
    JOIN (SELECT name, json_extract(body, '$.owner') AS owner, json_extract(body, '$.beat') AS beat,
            json_extract(body, '$.state') AS state
        FROM (SELECT name, {BODY} AS body FROM records WHERE kind = 'plan-item')) AS item
    ON substr(item.name, 1, length(plan.name) + 1) = plan.name || '/'
    WHERE item.state = 'sending' GROUP BY plan.name"""
TIMES = ("at", "made", "renewed", "started")
TRACES = f"""SELECT max(max({", ".join(f"coalesce(CAST(json_extract(body, '$.{one}') AS REAL), 0.0)" for one in TIMES)}))
    FROM (SELECT {BODY} AS body FROM records)"""
# Whoever asked these cannot write down the answers any more, and they may be asked again at once.
NO_CLAIMS_OF_QUESTIONS = "DELETE FROM records WHERE kind = 'report claim'"

# What is listed here has been on people's disks: add steps, never change one.
STEPS: Final = (
    # seq keeps the order in which records were first put
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, name))",
    "ALTER TABLE records ADD COLUMN expires REAL",
    LEASES_OF_UPLOADS,
    LEASES_OF_PLANS,
    NO_CLAIMS_OF_QUESTIONS,
    # Times in records are the store's own from here on: a version that went by the wall would sweep what is young.
    "CREATE TABLE clock (one INTEGER PRIMARY KEY, now REAL NOT NULL, wall REAL NOT NULL, ran REAL NOT NULL, run TEXT NOT NULL)",
    # From here on reports keep several statuses, and plans descriptions and deletions, which older versions would misread.
    "SELECT 1",
    # From here on reports are saved as pages too, which older versions cannot read.
    "SELECT 1",
    # From here on uploads keep whether their collection was ever seen, which older versions would drop.
    "SELECT 1",
    # From here on reports keep numbers that are not known, which older versions would add up, and what no list showed.
    "SELECT 1",
)


GIVEN_UP = 1_000_000
"""The version of a file whose records went elsewhere: every version of this program leaves it alone as one that is newer."""
MOVED_TO = "moved to"


class NewerVersionError(Exception):
    """A later version of this program made the file."""


class MovedError(Exception):
    """Its records went elsewhere."""


def moved_to(db: sqlite3.Connection) -> tuple[str, str]:
    """Where the records went, and under which token."""
    found: tuple[str, str] = db.execute("SELECT name, body FROM records WHERE kind = ?", [MOVED_TO]).fetchone()
    return found


def left_before(db: sqlite3.Connection, where: str) -> str:
    """The token of an earlier try to bring the records there; up to date is the file after it in any case."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version != GIVEN_UP or moved_to(db)[0] != where:
        upgrade(db)  # says so where they went elsewhere
        return ""
    return moved_to(db)[1]


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the file up to date, as a part of the transaction it is called in: of two processes the second finds it done."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version == len(STEPS):
        return
    if version == GIVEN_UP:
        raise MovedError(moved_to(db)[0])
    if version > len(STEPS):
        raise NewerVersionError
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it holds other tables")  # of another program: keep out
    for step in STEPS[version:]:
        db.execute(step)
    db.execute(f"PRAGMA user_version = {len(STEPS)}")
