"""What passes the gate, what does not, and with which code."""

from urllib.parse import urlencode

import pytest

from flipsnack_mcp.sandbox import Sandbox
from tests.samples_of import every_name, meaning
from tests.sandbox.calling import PDF, Caller, calling, signed


async def test_the_documented_signature_is_accepted() -> None:
    sandbox = Sandbox(api_key="45FD-267-7SG7832", api_secret="123ABCDE-456-7890-FGH")
    sandbox.account.add(title="Documented", collection_hash="fxh4k89")
    async with calling(sandbox) as caller:
        answer = await caller.http.get(
            "https://api.flipsnack.com/v1/?action=collection.getCollection&collectionHash=fxh4k89"
            "&apiKey=45FD-267-7SG7832&signature=26e781d3d1751d82ec284acf4a019def"
        )
    assert answer.json()["data"]["collectionTitle"] == "Documented"


async def test_an_answer_is_an_envelope_with_http_200_and_a_refusal_has_no_data(caller: Caller) -> None:
    answer = await caller.raw("user.getStats")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert list(answer.json()) == ["code", "status", "data"]
    assert answer.json()["status"] == "OK"
    refusal = await caller.raw("collection.getCollection", collectionHash="nothing1")
    assert (refusal.status_code, refusal.json()) == (200, {"code": 46, "status": "Invalid collection hash"})


async def test_values_are_signed_raw_whatever_they_hold_and_a_file_is_not(caller: Caller) -> None:
    for query, count in (("Été & jardin", "1"), ("", "26")):
        assert (await caller.data("collection.getList", query=query))["collectionsCount"] == count
    params = signed(caller.sandbox, "collection.create", {"title": "Straße"})
    answer = await caller.http.post(caller.upload, data=params, files={"file": ("a.pdf", PDF, "application/pdf")})
    assert answer.json()["data"]["collectionTitle"] == "Straße"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        *(({"apiKey": None}, 30), ({"signature": None}, 30), ({"action": None}, 30), ({"apiKey": "SOMEBODY-ELSE"}, 41)),
        *(({"action": "collection.getInfo"}, 42), ({"signature": "0" * 32}, 44), ({"signature": "é"}, 44)),
        ({"collectionHash": "smuggled"}, 44),
    ],
)
async def test_wrong_credentials_have_a_code_each(caller: Caller, changed: dict[str, str | None], code: int) -> None:
    sent = signed(caller.sandbox, "user.getStats", {}) | changed
    params = {name: value for name, value in sent.items() if value is not None}
    assert (await caller.http.get(caller.api, params=params)).json()["code"] == code


@every_name
async def test_an_action_is_served_at_its_documented_verb_and_host_only(caller: Caller, name: str) -> None:
    # The signature is looked at last: code 44 is for what came the right way.
    params = signed(caller.sandbox, name, {}) | {"signature": "0" * 32}
    fields = {key: (None, value) for key, value in params.items()}
    ways = [("GET", caller.api), ("GET", caller.upload), ("PUT", caller.api), ("DELETE", caller.api)]
    codes = {way: (await caller.http.request(*way, params=params)).json()["code"] for way in ways}
    for address in (caller.api, caller.upload):
        codes["POST", address] = (await caller.http.post(address, files=fields)).json()["code"]
    assert {" ".join(way) for way, code in codes.items() if code == 44} == {meaning(name).request}
    assert sorted(codes.values()) == [40, 40, 40, 40, 40, 44]


async def test_one_port_serves_both_hosts_by_path(caller: Caller) -> None:
    caller.api, caller.upload = "http://127.0.0.1:8765/v1/", "http://127.0.0.1:8765/upload/v1/"
    assert await caller.code("user.getStats") == 20
    assert (await caller.send_file("collection.create"))["code"] == 20
    assert [one.host for one in caller.sandbox.requests] == ["api", "upload"]


async def test_a_name_sent_twice_and_an_address_that_is_not_utf8_are_code_40(caller: Caller) -> None:
    params = signed(caller.sandbox, "collection.getList", {"from": "0"})
    for query in (urlencode([*params.items(), ("from", "1")]), "action=%ff%fe"):
        assert (await caller.http.get(f"{caller.api}?{query}")).json()["code"] == 40


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"action=collection.create"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=x", b"something else entirely"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--'),
    ],
)
async def test_a_body_that_is_no_form_is_code_40(caller: Caller, content_type: str, body: bytes) -> None:
    answer = await caller.http.post(caller.upload, headers={"Content-Type": content_type}, content=body)
    assert answer.json()["code"] == 40


async def test_a_mandatory_parameter_is_code_30_and_an_unknown_path_is_not_the_api(caller: Caller) -> None:
    assert (await caller.http.get("https://api.flipsnack.com/v2/")).status_code == 404
    assert caller.sandbox.requests == []
    assert await caller.code("collection.getCollection") == 30
    assert (await caller.send("collection.create"))["code"] == 30
    draft = next(iter(caller.sandbox.account.collections))
    assert await caller.code("flipbook.delete", collectionHash=draft) == 30
