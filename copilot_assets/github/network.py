"""What broke on the way to GitHub, in words: certificates, proxies, silence.

An answer of GitHub's own is judged in `outcomes.py`. The library's own text may hold a signed address and is left out.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import httpx

from copilot_assets.github.outcomes import PROXY_WANTS_MORE, Cause, Outcome, Verdict

# For who issued a certificate, which is told beside what is wrong with it.
_GLANCE_SECONDS: Final = 10.0


async def told_on(trouble: Exception, host: str) -> Verdict:
    """What it means that a request to a host broke, as `verdict_on`; whose certificate is not trusted is looked up."""
    verdict = verdict_on(trouble, host)
    if not (isinstance(trouble, httpx.RequestError) and _certificate_trouble(trouble)):
        return verdict
    issuer = await _issuer_at(trouble.request.url)
    told = f" As it says itself, it was issued by {issuer}." if issuer else ""
    return replace(verdict, evidence=verdict.evidence + told)


def verdict_on(trouble: Exception, host: str) -> Verdict:
    """What it means that a request to a host broke; a cause where something has to be changed before it can work."""
    host = host or "GitHub"
    if certificate := _certificate_trouble(trouble):
        return Verdict(Outcome.FAILED, _about_certificate(certificate, host), cause=Cause.NETWORK)
    if isinstance(trouble, httpx.ProxyError):
        status = re.match(r"\d{3}", str(trouble))
        if status and status[0] == "407":
            return Verdict(Outcome.FAILED, PROXY_WANTS_MORE, cause=Cause.NETWORK)
        said = f" (it answered {status[0]})" if status else ""
        sentence = (
            f"The proxy in HTTPS_PROXY does not lead to {host}{said}. Let HTTPS requests to that host through it."
        )
        return Verdict(Outcome.FAILED, sentence, cause=Cause.NETWORK)
    kind = "took too long to answer" if isinstance(trouble, httpx.TimeoutException) else "could not be reached"
    sentence = f"{host} or its storage {kind} ({type(trouble).__name__}). Check the network and run this again."
    return Verdict(Outcome.FAILED, sentence)


def _certificate_trouble(trouble: Exception) -> ssl.SSLCertVerificationError | None:
    return next((each for each in _causes(trouble) if isinstance(each, ssl.SSLCertVerificationError)), None)


async def _issuer_at(url: httpx.URL) -> str | None:
    """Who issued the certificate that comes from there; Python keeps none that it does not trust.

    It is asked for once more, without credentials and path; nothing that comes is believed.
    """
    from cryptography.x509 import load_der_x509_certificate

    try:
        async with (
            httpx.AsyncClient(verify=False, timeout=_GLANCE_SECONDS) as client,  # noqa: S501 - see above
            client.stream("HEAD", url.copy_with(raw_path=b"/")) as response,
        ):
            secured = response.extensions["network_stream"].get_extra_info("ssl_object")
            return load_der_x509_certificate(secured.getpeercert(binary_form=True)).issuer.rfc4514_string()
    except (httpx.HTTPError, ValueError):
        return None


def _causes(trouble: BaseException) -> Iterator[BaseException]:
    """An exception and all that it came of, the newest first."""
    cause: BaseException | None = trouble
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _about_certificate(trouble: ssl.SSLCertVerificationError, host: str) -> str:
    reason = trouble.verify_message
    if "expired" in reason or "not yet valid" in reason:
        return (
            f"The certificate of {host} is not valid at this time ({reason}). Look at this machine's clock; "
            "where that is right, at what stands between here and GitHub."
        )
    if "mismatch" in reason or "doesn't match" in reason:
        return (
            f"The certificate that came is not one of {host} ({reason}): something else answered. "
            "Check GITHUB_API_URL and what stands between here and GitHub."
        )
    return (
        f"This machine does not trust who issued the certificate of {host} ({reason}). A company's proxy may have put "
        "its own there: set SSL_CERT_FILE to a file with the certificates to trust (PEM), that of its issuer included."
    )
