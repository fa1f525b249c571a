"""One load of a page for all workers. The table `loads` has a row for the load that is under way."""

import asyncio

from database import now_ms, one

LOOK = 0.02


async def once(db, key, version, lease, load):
    """Loads the page, unless another worker does so: then it waits, for its lease at most."""
    while True:
        token, is_mine = await db.write(lambda tx: claim(tx, key, version, lease))
        if is_mine:
            break
        page = await wait(db, key, version, token)
        if page is not None:
            return page
    page = None
    try:
        page = await load()
        return page
    finally:
        await db.write(lambda tx: end(tx, key, version, token, page))


def claim(tx, key, version, lease):
    tx.execute("DELETE FROM loads WHERE key = ? AND version < ?", [key, version])
    sql = (
        "INSERT INTO loads VALUES (:key, :version, 1, :now + :lease, NULL)"
        " ON CONFLICT DO UPDATE SET token = token + 1, until = excluded.until, page = NULL"
        " WHERE until <= :now RETURNING token"
    )
    values = {"key": key, "version": version, "now": now_ms(), "lease": lease}
    rows = tx.execute(sql, values).fetchall()
    if rows:
        return rows[0][0], True
    return one(tx, "SELECT token FROM loads WHERE key = ? AND version = ?", key, version), False


def end(tx, key, version, token, page):
    sql = "UPDATE loads SET until = 0, page = ? WHERE key = ? AND version = ? AND token = ?"
    tx.execute(sql, [page, key, version, token])


async def wait(db, key, version, token):
    """Its page; None if no page came of it, or there is a newer load."""
    sql = "SELECT until > ?, page FROM loads WHERE key = ? AND version = ? AND token = ?"
    while True:
        values = [now_ms(), key, version, token]
        row = await db.read(lambda tx: tx.execute(sql, values).fetchone())
        if not row:
            return None
        is_under_way, page = row
        if not is_under_way:
            return page
        await asyncio.sleep(LOOK)
