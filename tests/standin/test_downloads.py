"""The second hop: signed links, what refuses them, and what does not."""

import time
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest

from copilot_assets.standin import Standin

from .conftest import ENTERPRISE, ORG, TODAY, Client


@pytest.fixture
def link(client, final_day):
    return client.report(ORG, "organization-1-day", final_day(ORG)).json()["download_links"][0]


def storage_code(answer):
    assert answer.headers["content-type"].startswith("application/xml")
    return ET.fromstring(answer.content).findtext("Code")  # noqa: S314 - our own server's


def test_link_is_on_another_host_and_signed_for_an_hour(standin, link):
    assert link.startswith(standin.downloads_url)
    assert urlsplit(standin.downloads_url).port != urlsplit(standin.api_url).port
    assert urlsplit(link).path.startswith("/organization-1-day-report/")
    query = parse_qs(urlsplit(link).query)
    assert {"st", "se", "sig"} <= set(query)
    assert query["se"][0] > query["st"][0]


def test_file_needs_no_token_and_counts_against_no_limit(client, standin, link):
    before = client.get("/rate_limit").json()["resources"]["core"]["used"]
    answer = client.plain.get(link)
    assert answer.status_code == 200
    assert answer.content.endswith(b"}\n")
    assert not {name for name in answer.headers if name.startswith(("x-ratelimit", "x-github"))}
    assert client.get("/rate_limit").json()["resources"]["core"]["used"] == before


def test_authorization_is_refused(client, link):
    answer = client.plain.get(link, headers={"authorization": "Bearer good"})
    assert (answer.status_code, storage_code(answer)) == (403, "AuthenticationFailed")


@pytest.mark.parametrize("change", ["path", "expiry", "signature", "none"])
def test_tampered_links_are_refused(client, link, change):
    bare, _, query = link.partition("?")
    values = {k: v[0] for k, v in parse_qs(query).items()}
    if change == "path":
        bare = bare.replace("octo-org", "octo-labs")
    if change == "expiry":
        values["se"] = "2099-01-01T00:00:00.000Z"
    if change == "signature":
        values["sig"] = "ä" + values["sig"][1:]
    answer = client.plain.get(bare, params={} if change == "none" else values)
    assert (answer.status_code, storage_code(answer)) == (403, "AuthenticationFailed")


def test_links_expire_and_a_new_list_brings_new_ones():
    with Standin(today=TODAY, link_seconds=1) as standin:
        client = Client(standin)
        answer = client.report(ENTERPRISE, "enterprise-28-day/latest")
        link = answer.json()["download_links"][0]
        assert client.plain.get(link).status_code == 200
        time.sleep(1.05)
        expired = client.plain.get(link)
        assert (expired.status_code, storage_code(expired)) == (403, "AuthenticationFailed")
        assert "Expiry" in expired.text
        again = client.report(ENTERPRISE, "enterprise-28-day/latest").json()["download_links"][0]
        assert client.plain.get(again).status_code == 200


def test_links_of_another_server_are_worthless(client, link):
    with Standin(today=TODAY) as other:
        moved = link.replace(client.standin.downloads_url, other.downloads_url)
        assert client.plain.get(moved).status_code == 403


def test_unknown_paths_are_refused_for_want_of_a_signature(client, standin):
    assert client.plain.get(f"{standin.downloads_url}/").status_code == 403
