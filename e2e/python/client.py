"""python-socketio's client against the application of the Socket.IO tests. TRANSPORTS: how it connects."""

import os
import queue
import sys
import threading
import time

import socketio
from socketio.exceptions import ConnectionError

URL = os.environ["URL"].rstrip("/")
TRANSPORTS = os.environ["TRANSPORTS"].split(",")
LIMIT = 10
PUSHES = 1000
BURST = 2000


class Person:
    """A client, with everything that it received."""

    # What the last one was told that was not let in.
    refusal = None

    def __init__(self, namespace="/", **options):
        self.namespace = namespace
        self.received = queue.Queue()
        self.ended = threading.Event()
        self.reason = None
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", self._note, namespace=namespace)
        self.client.on("disconnect", self._left, namespace=namespace)
        self.client.on("connect_error", self._refused, namespace=namespace)
        self.client.on("question", self._asked, namespace=namespace)
        self.answer = None
        self.client.connect(URL, transports=TRANSPORTS, namespaces=[namespace], wait_timeout=LIMIT, **options)

    def _note(self, event, *values):
        self.received.put((event, *values))

    def _left(self, reason):
        self.reason = reason
        self.ended.set()

    def _refused(self, why):
        Person.refusal = why

    def _asked(self, *values):
        same(values, (1, "two"), "what the server asks")
        return self.answer

    def emit(self, event, data=None):
        self.client.emit(event, data, namespace=self.namespace)

    def call(self, event, data=None):
        return self.client.call(event, data, namespace=self.namespace, timeout=LIMIT)

    def next(self, event):
        """The arguments of the next such event; those before it are left out."""
        until = time.monotonic() + LIMIT
        while True:
            name, *values = self.received.get(timeout=max(0.01, until - time.monotonic()))
            if name == event:
                return values

    def leave(self):
        self.client.disconnect()


def same(actual, expected, message):
    if actual != expected:
        raise AssertionError(f"{message}: {actual!r:.500} is not {expected!r:.500}")


def events():
    ada = Person()
    same(ada.next("welcome"), [ada.client.get_sid()], "the id is the one that the server knows")

    raw = bytes([0, 1, 2, 250, 255])
    # A tuple is several arguments here, and an ack of several arguments is a tuple.
    for data, answer in [
        (None, None),
        (True, True),
        (-1.5, -1.5),
        ("héllo \u0000 \u001e \U0001f600", "héllo \u0000 \u001e \U0001f600"),
        ({"a": {"b": [{}, None]}}, {"a": {"b": [{}, None]}}),
        ((1, "2", {"3": [True]}), (1, "2", {"3": [True]})),
        (raw, raw),
        (b"", b""),
        ((raw, {"deep": [{"inside": raw}, "text"]}), (raw, {"deep": [{"inside": raw}, "text"]})),
        ("x" * 70_000, "x" * 70_000),
    ]:
        same(ada.call("args", data), answer, f"acked: {data!r:.60}")
        ada.emit("args", data)
        expected = [] if data is None else list(data) if isinstance(data, tuple) else [data]
        same(ada.next("args"), expected, f"emitted: {data!r:.60}")

    same(ada.call("pair"), [1, "two"], "a pair is one argument")
    same(ada.call("nothing"), None, "an ack without arguments")
    same(ada.call("number", 1), 2, "a number")
    same(ada.call("late", "in a moment"), "in a moment", "a late answer")
    same(ada.call("fail")["error"]["code"], "conflict", "an error is an ack")
    ada.emit("fail")
    same(ada.next("exception")[0]["event"], "fail", "an error is an event")
    same(ada.call("picture"), bytes([3, 3, 3]), "bytes in an ack")
    same(ada.next("picture"), [{"name": "stripes", "parts": [bytes([1] * 3), bytes([2] * 3)]}], "bytes inside")

    for ada.answer, expected in [(None, None), ("yes", "yes"), (("yes", [1]), ("yes", [1])), (raw, raw)]:
        same(ada.call("ask"), expected, "what the server was answered")

    # More than one answer to a poll holds, in both directions. This client handles each push in a thread of its own, so
    # their order is not seen here.
    ada.emit("push", PUSHES)
    pushes = sorted(ada.next("tick")[0] for _ in range(PUSHES))
    same(pushes, list(range(PUSHES)), "every push, once")
    for number in range(BURST):
        ada.emit("tally", number)
    same(ada.call("report"), {"received": BURST, "out_of_order": 0}, "every event, in order")
    same(ada.client.transport(), TRANSPORTS[-1], "the transport at the end")
    ada.leave()


def namespaces():
    for auth, message, code in [
        (None, "Log in first", "unauthenticated"),
        ({"token": "guessed"}, "Another token", "forbidden"),
    ]:
        try:
            Person("/admin", auth=auth)
        except ConnectionError:
            same((Person.refusal["message"], Person.refusal["data"]["code"]), (message, code), "the refusal")
        else:
            raise AssertionError("it was let in")
    admin = Person("/admin", auth={"token": "secret"})
    same(admin.call("who"), ["ada", "/admin"], "who is it")
    project = Person("/project-7")
    same(project.call("draw", "a line"), 1, "how many saw it")
    same(project.next("drawn"), [{"project": 7, "line": "a line"}], "the drawn line")
    project.leave()

    admin.emit("kick-me")
    assert admin.ended.wait(LIMIT), "it was not thrown out"
    same(admin.reason, admin.client.reason.SERVER_DISCONNECT, "why it ended")


def rooms():
    people = [Person() for _ in range(3)]
    for person in people:
        person.call("join", "snakes")
    same(people[0].call("publish", {"room": "snakes", "text": "hiss"}), 3, "how many are there")
    for person in people:
        same(person.next("message"), [{"room": "snakes", "text": "hiss"}], "what was said")
        person.leave()


events()
namespaces()
rooms()
print("done")
sys.stdout.flush()
