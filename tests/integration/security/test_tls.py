"""TLS against the real server, with an authority made here."""

import asyncio
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.embedded.nats import EmbeddedNats
from shared.config.desk import NatsSettings
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.tape.client import connect, tls_of

SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


class Authority:
    """Signs certificates and keeps everything as PEM files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        own = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str) -> tuple[str, str]:
        """Return the files of a certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        cert_file, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        signed = self._sign(subject, key, address)
        cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(cert_file), str(key_file)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        may_sign = isinstance(extension, x509.BasicConstraints)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(LONG_AGO)
            .not_valid_after(LONG_AGO + timedelta(days=36_500))
            .add_extension(extension, critical=may_sign)
            .add_extension(identifier, critical=False)
            .add_extension(signer, critical=False)
        )
        if may_sign:  # Python's strict verification asks for it
            builder = builder.add_extension(SIGNS, critical=True)
        return builder.sign(self._key, hashes.SHA256())


async def knock(server: EmbeddedNats, settings: NatsSettings) -> None:
    login = server.login("risk")
    client = await connect(server.url, name="risk", login=login, timeout_s=2, tls=tls_of(settings))
    try:
        await client.flush()
    finally:
        await client.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "desk-ca")


def encrypted(tmp_path: Path, authority: Authority, **more: object) -> EmbeddedNats:
    cert, key = authority.certificate("server")
    return EmbeddedNats(tmp_path, extras={"tls": {"cert_file": cert, "key_file": key, **more}})


def test_a_server_is_trusted_by_its_authority_and_no_other(
    tmp_path: Path, authority: Authority
) -> None:
    stranger = Authority(tmp_path, "another-ca")
    with encrypted(tmp_path / "state", authority) as server:
        asyncio.run(knock(server, NatsSettings(tls_ca_file=str(authority.file))))
        for settings in (NatsSettings(tls_ca_file=str(stranger.file)), NatsSettings()):
            with pytest.raises(
                UnavailableError,
                match=r"as user risk: its certificate is not to be trusted .* nats\.tls_ca_file",
            ) as refused:
                asyncio.run(knock(server, settings))
            assert "\n" not in str(refused.value)


def test_a_server_that_wants_certificates_lets_nobody_in_without(
    tmp_path: Path, authority: Authority
) -> None:
    cert, key = authority.certificate("risk")
    ca = str(authority.file)
    with encrypted(tmp_path / "state", authority, ca_file=ca, verify=True) as server:
        known = NatsSettings(tls_ca_file=ca, tls_cert_file=cert, tls_key_file=key)
        asyncio.run(knock(server, known))
        with pytest.raises(UnavailableError, match="cannot be reached as user risk"):
            asyncio.run(knock(server, NatsSettings(tls_ca_file=ca)))


def test_nothing_is_told_to_a_server_that_should_speak_tls_and_does_not(
    tmp_path: Path, authority: Authority
) -> None:
    with (
        EmbeddedNats(tmp_path / "state") as server,
        pytest.raises(UnavailableError, match="the server does not speak TLS"),
    ):
        asyncio.run(knock(server, NatsSettings(tls_ca_file=str(authority.file))))


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    cert, _ = authority.certificate("risk")
    _, other_key = authority.certificate("other")
    for settings, problem in (
        ({"tls_ca_file": "nowhere.pem"}, r"nats\.tls_ca_file: nowhere\.pem cannot be read"),
        ({"tls_ca_file": str(tmp_path / "empty.pem")}, r"tls_ca_file: .* is not PEM"),
        ({"tls_cert_file": cert, "tls_key_file": other_key}, "does not fit its key"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            tls_of(NatsSettings(**settings))  # type: ignore[arg-type]
