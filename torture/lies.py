"""What the network does to a process: GitHub's wrong answers, and others that answer in GitHub's place."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Final

from copilot_assets.now import now_utc
from copilot_assets.standin import Fault
from copilot_assets.standin.faults import FAULTS
from torture.scene import Ending, Installation, Stage
from torture.troubles import Disturb, Trouble, killed_after

# Faults that strike the same request for ever would only be asked for ever; these are over with the run.
_NO_TROUBLE: Final = frozenset({"rate-limit-endless", "slow"})
_BOMB_BYTES: Final = 1_500_000_000


def wrong_answers(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """GitHub answers some requests wrongly, and the process that asks is killed, or not."""
    faults = [Fault(name, times=3) for name in dice.sample(sorted(FAULTS.keys() - _NO_TROUBLE), 3)]
    stage.standin.faults += faults
    try:
        trouble = killed_after(tried, tried.warm("backfill"), dice.uniform(stage.seconds / 3, 2 * stage.seconds))
    finally:
        stage.standin.faults.clear()
    struck = [fault.name for fault in faults if fault.times != 3]
    return Trouble(
        f"GitHub's {', '.join(struck) or 'faults, none of them met'}, {trouble.what}",
        kills=trouble.kills,
        faults=len(struck),
        step=trouble.step,
    )


def somebody_else_answers(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """Somebody answers in GitHub's place: never, in drips, half, from elsewhere, of a wrong length, or bursting."""
    how = dice.choice(_OTHERS)
    with _answering(how) as url:
        process = tried.warm("backfill", GITHUB_API_URL=url)
        trouble = killed_after(tried, process, dice.uniform(stage.seconds / 3, 2 * stage.seconds))
    return Trouble(f"{how.__name__} in GitHub's place, {trouble.what}", kills=trouble.kills, faults=1)


def untrusted(tried: Installation, stage: Stage, _: Ending, dice: Random) -> Trouble:
    """GitHub's certificate is one that nobody has vouched for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(stage.folder))
    with _answering(_refuses, context) as url:
        process = tried.warm("backfill", GITHUB_API_URL=url)
        trouble = killed_after(tried, process, dice.uniform(stage.seconds / 3, 2 * stage.seconds))
    return Trouble(f"an untrusted certificate, {trouble.what}", kills=trouble.kills, faults=1)


# ------------------------------------------------------------------------------------------------ who answers instead


def _never(connection: socket.socket) -> None:
    time.sleep(600)


def _drips(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n")
    for _ in range(600):
        connection.sendall(b" ")
        time.sleep(1)


def _cuts(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{"downlo')


def _exceeds_its_length(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{"downloads"}')


def _sends_elsewhere(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/elsewhere\r\ncontent-length: 0\r\n\r\n")


def _sends_in_circles(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 301 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")


def _refuses(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")


def _bursts(connection: socket.socket) -> None:
    bomb = _bomb()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        + b"content-length: %d\r\n\r\n" % len(bomb)
        + bomb
    )


@cache
def _bomb() -> bytes:
    """JSON of 1.5 GB in a megabyte and a half: members of a gzip file may follow one another."""
    blanks = gzip.compress(b" " * 100_000_000, 9)
    return blanks * (_BOMB_BYTES // 100_000_000) + gzip.compress(b"{}")


_OTHERS: Final = (_never, _drips, _cuts, _exceeds_its_length, _sends_elsewhere, _sends_in_circles, _bursts)


@contextmanager
def _answering(how: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers every request alike, from here to the end of the block; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
            spoken.recv(65536)
            how(spoken)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _certificate(folder: Path) -> Path:
    """A file with a certificate that nobody has vouched for, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    path = folder / "certificate.pem"
    if not path.exists():
        key, now = ec.generate_private_key(ec.SECP256R1()), now_utc()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nobody")])
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=7))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(key, SHA256())
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


LIES: Final[dict[Disturb, int]] = {wrong_answers: 12, somebody_else_answers: 4, untrusted: 1}
