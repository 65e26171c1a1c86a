"""The certificates of a build: which files may hold them, and what is taken of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE, HOST = "none", "host"
# As OpenSSL, requests and curl look for them.
VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Debian and Alpine, Fedora, openSUSE, macOS and the BSDs.
PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_CERTIFICATE = re.compile(
    r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----"
)


def candidates(setting: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give the files that may hold the certificates, the likeliest first; none where none are wanted.

    Args:
        setting: the value of `ca-bundle`.
        environ: of the process.
    """
    if setting == NONE:
        return ()
    if setting != HOST:
        return (setting,)
    return (*(environ[name] for name in VARIABLES if environ.get(name)), *PLACES)


def chosen(setting: str, texts: Mapping[str, str], environ: Mapping[str, str]) -> bytes | None:
    """Give the certificates of the likeliest file, and nothing else that is in it; None where none are wanted.

    Args:
        texts: of the files that exist, by path.

    Raises:
        SettingsError: there is no such file, or no certificate in it.
    """
    looked = candidates(setting, environ)
    if not looked:
        return None
    for path in looked:
        found = _CERTIFICATE.findall(texts.get(path, "").replace("\r\n", "\n"))
        if found:
            return "".join(f"{each}\n" for each in found).encode()
    if setting == HOST:
        raise SettingsError(f"ca-bundle: this machine has no certificates in {', '.join(looked)}: name the file")
    why = "holds no certificate (PEM: -----BEGIN CERTIFICATE-----)" if setting in texts else "does not exist"
    raise SettingsError(f"ca-bundle: '{setting}' {why}")
