"""The connection to NATS that everything here uses."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, override

from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError

from shared.config.desk import NatsSettings
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.permissions import inbox_prefix
from shared.tape.nkeys import UserKey

PENDING_BYTES_MAX = 32 * 1024 * 1024  # what waits for the server while it is away
RECONNECT_S = 0.25  # the client adds jitter of its own


SEED_SUFFIX = ".nk"


class Login(NamedTuple):
    """How somebody logs in: with an nkey's `seed`, else with a password, else as nobody.

    `user` is also who he is in messages and, on a desk's own server, where he may be answered.
    """

    user: str | None = None
    password: str | None = None
    seed: str | None = None

    @override
    def __repr__(self) -> str:
        kind = "nkey" if self.seed else "password" if self.password else "nothing"
        return f"Login({self.user} with {kind})"


class _Client(Client):
    """A client that can be closed while its server is away, and whose requests know that it is.

    With a `key` it signs the server's nonce; with `must_encrypt` it tells nothing, not even who
    it is, to a server that does not speak TLS.
    """

    def __init__(self, key: UserKey | None, *, must_encrypt: bool) -> None:
        super().__init__()
        self._key = key
        self._must_encrypt = must_encrypt
        # The library's own way to set this is by a package that comes without wheels.
        self._public_nkey = key.public if key is not None else None

    @override
    def _connect_command(self) -> bytes:
        if self._must_encrypt and not self._server_info.get("tls_required"):
            raise NatsError("the server does not speak TLS, and nats.tls_* says that it must")
        return super()._connect_command()

    def give_up_requests(self) -> None:
        """Let every request end now: an answer to a lost connection never comes.

        The library would let each wait for its time-out. Whether it was obeyed is not known,
        exactly as after one. Nor may it leave later, behind the back of whoever gave it up: what
        the library kept for the next connection is dropped (it says subscriptions again itself).
        """
        self._pending.clear()
        self._pending_data_size = 0
        for answer in tuple(self._resp_map.values()):
            if not answer.done():
                answer.set_exception(ConnectionReconnectingError())

    @override
    async def close(self) -> None:
        """End the connection; what waits for a server that is away is given up.

        The library would write it to the transport that is gone, which raises.
        """
        if not self.is_connected:
            self._pending.clear()
            self._pending_data_size = 0
        await super().close()


def login_of(settings: NatsSettings, user: str) -> Login:
    """Return how `user` logs in by the settings; ConfigurationError when a seed cannot be read.

    A server that somebody else runs may know one user for everything: then `nats.user` and
    `nats.password` are everybody's. `nats.nkey_file` may be a folder with one file a user.
    """
    if settings.nkey_seed is not None:
        return Login(user, seed=settings.nkey_seed.get_secret_value())
    if settings.nkey_file is not None:
        return Login(user, seed=read_seed(Path(settings.nkey_file), user))
    password = settings.password
    return Login(settings.user, password.get_secret_value() if password else None)


def read_seed(path: Path, user: str) -> str:
    """Return the seed in a file, or in the user's own file in a folder."""
    file = path / f"{user}{SEED_SUFFIX}" if path.is_dir() else path
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"nats.nkey_file: {file} cannot be read: {reason}") from None


def tls_of(settings: NatsSettings) -> ssl.SSLContext | None:
    """Return what to ask of the server's certificate, None where nothing is said about TLS.

    Raises ConfigurationError, in one sentence, for a file that cannot be used.
    """
    if settings.tls_ca_file is None and settings.tls_cert_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _bad_file("nats.tls_ca_file", settings.tls_ca_file, error) from None
    if settings.tls_cert_file is not None:
        try:
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
        except (OSError, ssl.SSLError) as error:
            raise _bad_file("nats.tls_cert_file", settings.tls_cert_file, error) from None
    return context


def _bad_file(key: str, path: str | None, error: OSError) -> ConfigurationError:
    reason = "is not PEM, or does not fit its key"
    if not isinstance(error, ssl.SSLError):
        reason = f"cannot be read: {error.strerror}"
    return ConfigurationError(f"{key}: {path} {reason}")


async def connect(
    url: str,
    *,
    name: str,
    login: Login,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Client:
    """Connect to NATS and stay connected for ever after; UnavailableError when it cannot be had.

    `name` also names the inbox, the only place where a service's user may listen. `say` is told
    what goes wrong later: a lost connection, a refused publish, and when all is well again.
    Raises ConfigurationError for a seed that is none.
    """
    key = UserKey.from_seed(login.seed) if login.seed else None
    client = _Client(key, must_encrypt=tls is not None)
    problem, is_refused, said = "no answer", False, set[str]()

    async def on_error(error: Exception) -> None:
        nonlocal problem, is_refused
        sentence, is_answer = _sentence(error), not isinstance(error, OSError)
        if is_answer or not is_refused:  # a server that refuses may also reset the connection
            problem, is_refused = sentence, is_answer
        if is_answer or sentence not in said:  # an outage is told once, not with every attempt
            said.add(sentence)
            say(sentence)

    async def on_lost() -> None:
        client.give_up_requests()
        if not client.is_closed:
            say(f"connection to {url} lost, trying again")

    async def on_back() -> None:
        said.clear()
        say(f"connection to {url} is back")

    try:
        async with asyncio.timeout(timeout_s):
            await client.connect(
                url,
                name=name,
                user=None if key else login.user,
                password=None if key else login.password,
                signature_cb=key.sign if key else None,
                tls=tls,
                error_cb=on_error,
                disconnected_cb=on_lost,
                reconnected_cb=on_back,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]
                connect_timeout=2,
                inbox_prefix=inbox_prefix(name).encode(),
                pending_size=PENDING_BYTES_MAX,
            )
    except (TimeoutError, OSError, NatsError) as error:
        is_told = is_refused or isinstance(error, TimeoutError)
        detail = problem if is_told else _sentence(error)
        await client.close()
        raise UnavailableError(
            f"NATS at {url} cannot be reached as user {login.user or 'nobody'}: {detail}"
        ) from None
    return client


def _sentence(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not to be trusted ({error.verify_message}):"
            " nats.tls_ca_file must name the authority that signed it"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}): does it want nats.tls_cert_file?"
    return str(error) or type(error).__name__
