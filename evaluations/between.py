"""Stands between an assistant and the server, and in for the person: writes down each call, and answers the forms.

python between.py FOLDER   with FOLDER/between.json: `command` and `environment` of the server, and `person`

The assistant needs no forms of its own: the server is told that its client has some, and what the person types is sent
from here. Everything else passes as it is. Needs nothing but Python, so that it is there as soon as the server is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

Message = dict[str, Any]
READING = 1.0
"""Seconds that a person takes for a form: a faster answer counts as none."""
CALLS, FORMS = "calls.jsonl", "forms.jsonl"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
WANTED = re.compile(r'type "([^"]*)"\.$')
NO_FORMS, FIRST_CALL = "cannot be asked", "is not there"
ENOUGH = {"content": [{"type": "text", "text": "Noted. Nothing more is needed: stop here."}], "isError": True}
"""The answer to a first call, where nothing else is judged. An error, for clients look for data in any other answer."""


def answered(person: str, message: str) -> Message:
    """What this person does with a form."""
    wanted = WANTED.search(message)
    if person != "agrees" or wanted is None:
        return {"action": "decline"}
    return {"action": "accept", "content": {"title": wanted[1]}}


class Between:
    """Both directions of one conversation."""

    def __init__(
        self,
        person: str,
        to_server: Callable[[Message], None],
        to_assistant: Callable[[Message], None],
        write_down: Callable[[str, Message], None],
    ) -> None:
        self.person, self.to_server, self.to_assistant, self.write_down = person, to_server, to_assistant, write_down
        self._open: dict[Any, Message] = {}
        self._rounds = 0

    def from_assistant(self, message: Message) -> None:
        params = message.get("params")
        if isinstance(params, dict):
            self._say_who_is_there(message.get("method"), params)
            if message.get("method") == "tools/call":
                if self.person == FIRST_CALL:
                    self._note(message, ENOUGH)
                    return self.to_assistant({"jsonrpc": "2.0", "id": message.get("id"), "result": dict(ENOUGH)})
                self._open[message.get("id")] = message
        return self.to_server(message)

    def from_server(self, message: Message) -> None:
        if message.get("method") == "elicitation/create":
            given = self._asked(message.get("params") or {})
            return self.to_server({"jsonrpc": "2.0", "id": message.get("id"), "result": given})
        call = self._open.pop(message.get("id"), None) if "method" not in message else None
        result = message.get("result") or {}
        if call is None:
            return self.to_assistant(message)
        if result.get("resultType") == "input_required":
            return self._go_on(call, result)
        self._note(call, result or {"isError": True, "content": [{"type": "text", "text": str(message.get("error"))}]})
        return self.to_assistant({**message, "id": call.get("asked as", call.get("id"))})

    def _say_who_is_there(self, method: str | None, params: Message) -> None:
        """Tell the server of a person with forms, or of none, whatever the assistant's own client can do."""
        told = params.get("capabilities") if method == "initialize" else (params.get("_meta") or {}).get(CAPABILITIES)
        if isinstance(told, dict):
            told.pop("elicitation", None)
            if self.person not in {NO_FORMS, FIRST_CALL}:
                told["elicitation"] = {"form": {}}

    def _go_on(self, call: Message, result: Message) -> None:
        """Make the call once more, with the person's answers."""
        self._rounds += 1
        wanted = (result.get("inputRequests") or {}).items()
        answers = {name: self._asked(one.get("params") or {}) for name, one in wanted}
        params = {**call["params"], "inputResponses": answers, "requestState": result.get("requestState")}
        again = {**call, "id": f"between-{self._rounds}", "params": params}
        self._open[again["id"]] = {**again, "asked as": call.get("asked as", call.get("id"))}
        self.to_server(again)

    def _asked(self, params: Message) -> Message:
        message = str(params.get("message", ""))
        time.sleep(READING)
        given = answered(self.person, message)
        self.write_down(FORMS, {"message": message, **given})
        return given

    def _note(self, call: Message, result: Message) -> None:
        params, parts = call.get("params") or {}, result.get("content") or []
        texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
        told = {"tool": params.get("name"), "arguments": params.get("arguments") or {}}
        self.write_down(CALLS, {**told, "text": "\n".join(texts), "is_error": bool(result.get("isError"))})


class Line:
    """One way out, which two threads may take."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def send(self, line: bytes) -> None:
        with self._lock:
            self._pipe.write(line)
            self._pipe.flush()

    def tell(self, message: Message) -> None:
        self.send(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def pump(pipe: IO[bytes], take: Callable[[Message], None], otherwise: Callable[[bytes], None]) -> None:
    """Hand on each line to its end; what is no message passes as it is."""
    for line in iter(pipe.readline, b""):
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if isinstance(message, dict):
            take(message)
        else:
            otherwise(line)


def main(folder: Path) -> int:
    """Start the server, and pass on until the assistant hangs up."""
    told = json.loads((folder / "between.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    pipe = subprocess.PIPE
    with subprocess.Popen(told["command"], stdin=pipe, stdout=pipe, env={**kept, **told["environment"]}) as server:
        heard, said = server.stdin, server.stdout
        if heard is None or said is None:
            return 1

        def write_down(name: str, row: Message) -> None:
            """At once: a client may end this program at any moment."""
            with (folder / name).open("ab") as file:
                file.write(json.dumps(row).encode() + b"\n")

        server_hears, assistant_hears = Line(heard), Line(sys.stdout.buffer)
        between = Between(told["person"], server_hears.tell, assistant_hears.tell, write_down)
        answers = threading.Thread(target=pump, args=(said, between.from_server, assistant_hears.send), daemon=True)
        answers.start()
        pump(sys.stdin.buffer, between.from_assistant, server_hears.send)
        heard.close()
        answers.join(30)
    return server.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
