"""Our requests and results against the samples in Flipsnack's documentation, copied by hand to tests/samples."""

import json
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from python_multipart.multipart import parse_options_header

from flipsnack_mcp.api import wire
from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import GetCollection
from tests.api.asking import KEY, SECRET, Paper, Recorder, asking, every_action, sampled
from tests.samples_of import FILES, NAMES, SAMPLES, answer, every_name, meaning

UNDOCUMENTED = "# no documented sample; names from the catalogue"


@dataclass(frozen=True)
class Sample:
    """A request as the documentation prints it."""

    documented: bool
    source: str
    values: dict[str, str]

    @property
    def names(self) -> set[str]:
        return set(self.values) - {"action", "apiKey", "signature"}


def sample(name: str) -> Sample:
    first, *rest = (SAMPLES / name / "request.txt").read_text(encoding="utf-8").splitlines()
    if first == UNDOCUMENTED:
        return Sample(documented=False, source="", values=dict.fromkeys(set(rest) - {"file"}, ""))
    (text,) = rest
    if text.startswith("https://"):
        pairs = parse_qsl(urlsplit(text).query, strict_parsing=True)
        return Sample(documented=True, source=first, values=dict(pairs))
    words = shlex.split(text)
    fields = [words[place + 1] for place, word in enumerate(words) if word in {"-F", "-d"}]
    values = dict(one.split("=", 1) for one in fields)
    return Sample(documented=True, source=first, values={name: values[name] for name in values if name != "file"})


def multipart(content_type: str, body: bytes) -> list[tuple[dict[bytes, bytes], bytes]]:
    """The parts of a form: what their header says, and their content."""
    boundary = b"--" + parse_options_header(content_type)[1][b"boundary"]
    before, *parts, after = body.split(boundary)
    assert (before, after) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n\r\n", 1) for part in parts]
    return [(parse_options_header(head.split(b"\r\n")[0].split(b": ")[1])[1], content) for head, content in split]


def test_the_actions_are_those_with_a_folder_of_samples() -> None:
    assert sorted(kind.api_name for kind in ACTIONS) == sorted(NAMES)


@every_name
def test_a_folder_of_samples_is_whole_and_names_the_page_it_was_copied_from(name: str) -> None:
    assert {path.name for path in (SAMPLES / name).iterdir()} == FILES
    assert meaning(name).tool.name
    found, answered = sample(name), json.loads(answer(name))
    assert answered["code"] == 20
    if found.documented:
        assert found.source.startswith(("# source: https://developers.flipsnack.com/", "# source: https://help."))
        assert found.values["action"] == name
    else:
        assert answered["//"] in UNDOCUMENTED


@every_action
def test_our_request_has_the_names_and_values_of_the_sample(kind: type[Action[Any]]) -> None:
    found = sample(kind.api_name)
    sent = wire.encode(sampled(kind), found.values.get("apiKey", KEY), SECRET)
    assert sent.keys() == found.names | {"action", "apiKey", "signature"}
    if found.documented:
        assert {**sent, "signature": ""} == {**found.values, "signature": ""}


def test_the_published_request_is_signed_with_the_published_signature() -> None:
    found = sample("collection.getCollection")
    sent = wire.encode(GetCollection(collection_hash="fxh4k89"), KEY, SECRET)
    assert sent == found.values


@every_action
async def test_our_request_goes_to_the_documented_host_by_the_documented_verb(kind: type[Action[Any]]) -> None:
    action, wanted = sampled(kind), meaning(kind.api_name)
    recorder = Recorder([answer(kind.api_name)])
    document = Paper() if wanted.uploads else None
    async with asking(recorder) as flipsnack:
        await flipsnack.send(action, document)
    ((request, body),) = recorder.seen
    address = f"{request.url.scheme}://{request.headers['host']}{request.url.path}"
    expected = wire.encode(action, KEY, SECRET)
    assert f"{request.method} {address}" == wanted.request
    if wanted.uploads:
        parts = multipart(request.headers["content-type"], body)
        assert request.url.query == ""
        assert {head[b"name"].decode(): content.decode() for head, content in parts[:-1]} == expected
        assert parts[-1] == ({b"name": b"file", b"filename": b"offers.pdf"}, Paper().content)
        assert int(request.headers["content-length"]) == len(body)
    else:
        assert body == b""
        assert dict(parse_qsl(request.url.query, keep_blank_values=True)) == expected


@every_action
def test_the_sample_answer_is_read_into_typed_values(kind: type[Action[Any]]) -> None:
    expected = meaning(kind.api_name).sample.result
    result = wire.decode(sampled(kind), answer(kind.api_name))
    assert type(result) is kind.returns
    assert result == kind.returns.model_validate(expected)
    # As text 1 is not true, and 650 not 650.0.
    written = result.model_dump(mode="json", exclude_none=True)
    assert json.dumps(written, sort_keys=True) == json.dumps(expected, sort_keys=True)


# Of the catalogue those with the status `current` or `unconfirmed`. Left out on purpose: playerSettings goes through
# `settings`, `file` is the document, `format` and `callback` belong to older answers.
@every_action
def test_exactly_the_parameters_of_the_catalogue_can_be_sent(kind: type[Action[Any]]) -> None:
    everything = meaning(kind.api_name).everything
    action = kind.model_validate(everything.arguments)
    sent = wire.encode(action, KEY, SECRET)
    assert everything.arguments.keys() == kind.model_fields.keys()
    assert sent.keys() - everything.sent.keys() == {"action", "apiKey", "signature"}
    assert sent | everything.sent == sent
