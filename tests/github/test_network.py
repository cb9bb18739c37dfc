"""The way to GitHub when somebody stands in it: certificates, proxies, and the settings that lead through."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from copilot_assets.now import now_utc
from copilot_assets.settings import Settings, SettingsError
from copilot_assets.shell.diagnosis import State
from tests.shell.test_doctor import ORG, bad, diagnose, only
from tests.test_settings import GOOD

# Asks one question in a process of its own, for libraries read these settings from the process's environment.
DOCTOR = [sys.executable, "-m", "copilot_assets", "doctor"]


ISSUER = [(NameOID.COMMON_NAME, "A proxy of ours"), (NameOID.ORGANIZATION_NAME, "Proxies, Inc.")]


def certificate(folder: Path, *, days: int = 7) -> Path:
    """A file with a certificate that nobody has vouched for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in ISSUER])
    ends = now_utc() + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(ends - timedelta(days=30))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


@contextmanager
def serving(pem: Path | None = None, status: int = 407) -> Iterator[tuple[str, list[str]]]:
    """A server, by TLS with a certificate or as a proxy that refuses the way; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def do_HEAD(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers['Authorization']}")
            self.send_response(204)
            self.end_headers()

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{'https' if pem else 'http'}://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (7, "does not trust who issued the certificate of 127.0.0.1 (self-signed"),
        (-7, "certificate of 127.0.0.1"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_said(tmp_path: Path, days: int, words: str) -> None:
    with serving(certificate(tmp_path, days=days)) as (url, asked):
        diagnosis = diagnose(url, ORG, **only("organization-1-day"))
    (finding,) = bad(diagnosis)
    assert (finding.state, asked) == (State.BAD, ["HEAD / None"]), "who issued it, without credentials"
    assert words in finding.sentence
    assert "Check the network" not in finding.sentence
    assert finding.sentence.endswith(" As it says itself, it was issued by O=Proxies\\, Inc.,CN=A proxy of ours.")


def doctor(folder: Path, lines: dict[str, str]) -> str:
    """What the doctor says when these lines stand in .env, and nothing of them in the environment."""
    (folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in lines.items()))
    env = {name: text for name, text in os.environ.items() if "PROXY" not in name.upper() and "SSL_CERT" not in name}
    done = subprocess.run(DOCTOR, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return " ".join((done.stdout + done.stderr).split())


def test_what_dotenv_says_of_the_network_holds(tmp_path: Path) -> None:
    """The address is nobody's: only the proxy leads there, and it wants a password."""
    asking = {**GOOD, "GITHUB_API_URL": "https://api.octo.ghe.com", **only("organization-1-day")}
    with serving() as (proxy, asked):
        said = doctor(tmp_path, {**asking, "HTTPS_PROXY": proxy.replace("http://", "http://octo:SECRET@")})
        assert asked == ["api.octo.ghe.com:443"]
        assert "A proxy between here and GitHub wants a name and a password (407). Put them into HTTPS_PROXY" in said
        assert "SECRET" not in said
    pem = certificate(tmp_path)
    with serving(pem) as (url, asked):
        said = doctor(tmp_path, {**asking, "GITHUB_API_URL": url, "SSL_CERT_FILE": str(pem)})
        assert f"{url} answers." in said
        assert len(asked) > 0


@pytest.mark.parametrize(
    "address", ["socks5://octo:SECRET@127.0.0.1:1080", "ftp://SECRET", "http://octo:SECRET@:80", "h:x"]
)
def test_a_proxy_that_cannot_be_used_is_a_setting_to_mend(address: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**GOOD, "HTTPS_PROXY": address})
    assert "HTTPS_PROXY is no address of an HTTP proxy" in str(refused.value)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("address", ["proxy:3128", "http://octo:word@proxy:3128", "https://proxy"])
def test_a_proxy_that_can(address: str) -> None:
    assert Settings.from_env({**GOOD, "HTTPS_PROXY": address}).api_url == "https://api.github.com"


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name, why in (("empty.pem", "it holds no certificate"), ("none.pem", "No such file")):
        with pytest.raises(SettingsError, match=f"SSL_CERT_FILE is .*{name}, which can't be used: {why}"):
            Settings.from_env({**GOOD, "SSL_CERT_FILE": str(tmp_path / name)})
