"""A worker: its routes, and what it asks of its primary."""

import asyncio
import json
import os
import re
import secrets
import sqlite3
import time
from urllib.parse import parse_qs

from database import Busy, Database, Exists, now_ms, one
from flight import once
from pages import Origin, OriginFails, Pages
from worker import Service

# The body of /cart follows its head after a pause, and its length is in the head.
CART_LENGTH = 16 * 1024


class Held(Exception):
    """Another request has the job."""


class NoAnswer(Exception):
    """The primary did not answer in time."""


FAILURES = {
    Busy: 503, OriginFails: 502, Held: 409, Exists: 409, NoAnswer: 504, sqlite3.Error: 500,
}


class Site(Service):
    def __init__(self, settings):
        self.settings = settings
        self.db = self.pages = self.channel = None
        self.origin = Origin(settings.origin)
        # News that came before there was a way to acknowledge it.
        self.early = []
        self.asked = {}
        self.next = 0
        # When the last word that has come was asked for.
        self.word = float("-inf")

    async def background(self, channel):
        self.open()
        self.channel = channel
        for number in self.early:
            channel.tell(**{"is": "acknowledged"}, number=number)
        while True:
            began = time.monotonic()
            try:
                await self.ask("word", self.settings.ack_timeout)
                self.word = began
            except NoAnswer:
                pass
            await asyncio.sleep(self.settings.ack_timeout / 4)

    def open(self):
        if not self.db:
            self.db = Database(self.settings)
            self.pages = Pages(self.config, self.render, self.settings.cache_ttl)

    def on_order(self, order):
        if "news" in order:
            if self.pages:
                self.pages.forget(order["news"])
            if self.channel:
                self.channel.tell(**{"is": "acknowledged"}, number=order["number"])
            else:
                self.early.append(order["number"])
        elif "answer" in order:
            future = self.asked.pop(order["answer"], None)
            if future and not future.done():
                future.set_result(order)

    async def ask(self, what, limit, **fields):
        self.next += 1
        number, future = self.next, asyncio.get_running_loop().create_future()
        self.asked[number] = future
        self.channel.tell(**{"is": what}, id=number, **fields)
        try:
            return await asyncio.wait_for(future, limit)
        except TimeoutError:
            raise NoAnswer from None
        finally:
            self.asked.pop(number, None)

    async def answer(self, request, worker):
        self.open()
        me = {"worker": worker.slot, "pid": os.getpid()}
        try:
            await self.route(request, me)
        except tuple(FAILURES) as failure:
            status = next(code for kind, code in FAILURES.items() if isinstance(failure, kind))
            fields = {"Retry_After": 1} if status == 503 else {}
            await request.json(status, {**me, "error": repr(failure)}, **fields)

    async def route(self, request, me):
        method, _, path = request.route.partition(" ")
        sid = session_of(request)
        match [method, *path.strip("/").split("/")]:
            case ["GET", ""]:
                await request.json(200, me)
            case ["POST", "counter"]:
                await request.json(200, {**me, "value": await self.count(request.word("key"))})
            case ["GET", "counter"]:
                await request.json(200, {**me, "value": await self.counter(request.word("key"))})
            case ["POST", "login"]:
                await self.log_in(request, me, sid)
            case ["GET", "me"]:
                session = await self.session(sid)
                await (request.json(200, {**me, **session}) if session else logged_out(request))
            case ["POST", "logout"]:
                await self.log_out(request, me, sid)
            case ["POST", "cart"]:
                await self.cart(request, me, sid)
            case ["PUT", "config", key]:
                change = await self.change(key, request.body.decode(errors="replace"))
                await request.json(200, {**me, **change})
            case ["GET", "page", key]:
                has_word = time.monotonic() - self.word < self.settings.ack_timeout
                await request.json(200, {**me, **await self.pages.page(key, has_word)})
            case ["POST", "jobs", name]:
                await request.json(200, {**me, **await self.run_job(name)})
            case ["GET", "jobs", name]:
                await request.json(200, {**me, **await self.last_job(name)})
            case ["POST", "backup", name] if re.fullmatch("[A-Za-z0-9_-]{1,100}", name):
                await request.json(200, {**me, **await self.backup(name)})
            case _:
                await request.json(404, {"error": "no such route"})

    async def count(self, key):
        sql = (
            "INSERT INTO counters VALUES (?, 1)"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        )
        return await self.db.write(lambda db: db.execute(sql, [key]).fetchall()[0][0])

    async def counter(self, key):
        sql = "SELECT value FROM counters WHERE key = ?"
        return await self.db.read(lambda db: one(db, sql, key)) or 0

    async def log_in(self, request, me, old):
        user = parse_qs(request.body.decode(errors="replace")).get("user", [""])[0]
        new, now = secrets.token_hex(16), now_ms()

        def work(db):
            end(db, old)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", [new, user, now, now])

        await self.db.write(work)
        cookie = f"sid={new}; Path=/; HttpOnly; SameSite=Lax"
        await request.json(200, {**me, "user": user}, Set_Cookie=cookie)

    async def log_out(self, request, me, sid):
        if not await self.db.write(lambda db: end(db, sid)):
            return await logged_out(request)
        await request.json(200, me, Set_Cookie="sid=; Path=/; Max-Age=0")

    def use(self, db, sid):
        """The user of a session that has not ended. It is used now."""
        sql = (
            "UPDATE sessions SET used = :now WHERE id = :sid"
            " AND used > :now - :idle AND born > :now - :max RETURNING user"
        )
        limits = {"idle": self.settings.session_idle, "max": self.settings.session_max}
        rows = db.execute(sql, {"now": now_ms(), "sid": sid, **limits}).fetchall()
        return rows[0][0] if rows else None

    async def session(self, sid):
        def work(db):
            user = self.use(db, sid)
            return user and {"user": user, "cart": items(db, sid)}

        return await self.db.write(work)

    async def cart(self, request, me, sid):
        if not await self.session(sid):
            return await logged_out(request)
        await request.head(200, CART_LENGTH, "application/json")
        await asyncio.sleep(request.number("ms", 0) / 1000)

        def work(db):
            if not self.use(db, sid):
                return None
            db.execute("INSERT INTO carts VALUES (?, ?)", [sid, request.word("item")])
            return items(db, sid)

        try:
            said = {**me, "cart": await self.db.write(work)}
        except Busy:
            said = {**me, "error": "the database is busy"}
        await request.send(json.dumps(said).encode().ljust(CART_LENGTH))

    async def config(self, key):
        sql = "SELECT value, version FROM config WHERE key = ?"
        return await self.db.read(lambda db: db.execute(sql, [key]).fetchone()) or ("", 0)

    async def render(self, key, value, version):
        async def load():
            return await self.origin.ask(f"/page/{key}", "", value)

        if self.settings.flight == "cluster":
            return await once(self.db, key, version, self.settings.lease, load)
        return await load()

    async def backup(self, name):
        folder = os.path.dirname(os.path.abspath(self.settings.database))
        file = os.path.join(folder, f"backup-{name}.db")
        await self.db.backup(file)
        return {"file": file}

    async def change(self, key, value):
        sql = (
            "INSERT INTO config VALUES (?, ?, 1) ON CONFLICT DO UPDATE"
            " SET value = excluded.value, version = version + 1 RETURNING version"
        )
        version = await self.db.write(lambda db: db.execute(sql, [key, value]).fetchall()[0][0])
        told = await self.ask("tell-all", self.settings.ack_timeout + 5, key=key)
        return {"version": version, "acknowledged": told["acknowledged"]}

    async def run_job(self, name):
        token = await self.db.write(lambda db: self.claim(db, name))
        if not token:
            raise Held
        result = None
        try:
            path, text = f"/jobs/{name}", f"{name}, run {token}"
            result = await self.origin.ask(path, f"&token={token}", text)
        finally:
            if not await self.db.write(lambda db: finish(db, name, token, result)):
                raise Held
        return {"token": token, "result": result}

    def claim(self, db, name):
        sql = (
            "INSERT INTO jobs (name, token, until) VALUES (:name, 1, :now + :lease)"
            " ON CONFLICT DO UPDATE SET token = token + 1, until = excluded.until"
            " WHERE until <= :now RETURNING token"
        )
        values = {"name": name, "now": now_ms(), "lease": self.settings.lease}
        rows = db.execute(sql, values).fetchall()
        return rows[0][0] if rows else None

    async def last_job(self, name):
        sql = "SELECT done, result FROM jobs WHERE name = ?"
        row = await self.db.read(lambda db: db.execute(sql, [name]).fetchone())
        token, result = row or (None, None)
        return {"token": token, "result": result}


def session_of(request):
    pairs = (pair.strip().partition("=") for pair in request.fields.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == "sid"), None)


def items(db, sid):
    sql = "SELECT item FROM carts WHERE session = ? ORDER BY rowid"
    return [item for item, in db.execute(sql, [sid])]


def end(db, sid):
    db.execute("DELETE FROM carts WHERE session = ?", [sid])
    return db.execute("DELETE FROM sessions WHERE id = ?", [sid]).rowcount


def finish(db, name, token, result):
    """Whether the lease was still ours: otherwise nothing changes."""
    sql = (
        "UPDATE jobs SET until = 0, done = iif(:result IS NULL, done, token),"
        " result = coalesce(:result, result) WHERE name = :name AND token = :token"
    )
    return db.execute(sql, {"name": name, "token": token, "result": result}).rowcount == 1


async def logged_out(request):
    await request.json(401, {"error": "no session"})
