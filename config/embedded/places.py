"""Where the embedded services keep their files and sockets: everything follows from the state directory's path."""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

CHECKOUT = Path(__file__).resolve().parents[2]
DATABASE = "tocsin"
APP_ROLE = "tocsin_app"
OWNER_ROLE = "tocsin_owner"
CLUSTER_ROLE = "tocsin_cluster"


class EmbeddedError(RuntimeError):
    """The embedded services cannot be had; the message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one state directory; sockets lie apart, for their paths may not exceed 103 bytes."""

    state: Path
    sockets: Path

    @property
    def postgres_sockets(self) -> Path:
        """Apart from the other sockets, for PostgreSQL may have to run as another user."""
        return self.sockets.with_name(self.sockets.name + "-pg")

    @property
    def database_url(self) -> str:
        """The database as the unprivileged role as which the application runs."""
        return f"postgresql://{APP_ROLE}@/{DATABASE}?host={self.postgres_sockets}"

    @property
    def database_owner_url(self) -> str:
        """The same database as the role that owns and migrates it."""
        return f"postgresql://{OWNER_ROLE}@/{DATABASE}?host={self.postgres_sockets}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets / 'valkey.sock'}"

    @property
    def keeper_socket(self) -> Path:
        return self.sockets / "keeper.sock"

    @property
    def keeper_lock(self) -> Path:
        return self.state / "keeper.lock"

    @property
    def keeper_log(self) -> Path:
        return self.state / "keeper.log"

    @property
    def migrated(self) -> Path:
        """Tells which migrations the database has, so that commands need not look each time."""
        return self.state / "migrated"

    @property
    def mail(self) -> Path:
        return self.state / "mail"


def places() -> Places:
    """The places of this checkout, or of `TOCSIN_STATE` where that is set, for the user that asks."""
    return places_of(Path(os.environ.get("TOCSIN_STATE") or CHECKOUT / ".tocsin").absolute(), user=os.geteuid())


def places_of(state: Path, *, user: int) -> Places:
    """The places of a state directory; two users of one path do not meet."""
    name = hashlib.sha256(f"{user}:{state}".encode()).hexdigest()[:12]
    # Not TMPDIR: two commands with different ones must still find one another.
    temporary = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(gettempdir())
    return Places(state=state, sockets=temporary / f"tocsin-{name}")


def make_private(directory: Path, *, owner: int | None = None) -> Path:
    """Make the directory with mode 0700, or check that the one that is there is a directory of the owner's alone."""
    expected = os.geteuid() if owner is None else owner
    try:
        directory.mkdir(mode=0o700)
        if owner is not None:
            os.chown(directory, owner, -1)
    except FileExistsError:
        pass
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedError(
            f"{directory} is not a private directory of user {expected}: remove it, or set TOCSIN_STATE"
        )
    return directory


def make_state(state: Path) -> Path:
    """Make the state directory; errors name TOCSIN_STATE, for a checkout may be read-only or another user's."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"cannot make {state} ({error.strerror}): set TOCSIN_STATE or DATABASE_URL") from None
    if not os.access(state, os.W_OK | os.X_OK):
        raise EmbeddedError(f"{state} is not writable for this user: set TOCSIN_STATE or DATABASE_URL")
    return state


def secret(state: Path, name: str, *, nbytes: int = 32) -> str:
    """A random secret kept in the 0600 file of that name, made the first time and the same ever after."""
    path = make_state(state) / name
    if not path.exists():
        draft = path.with_name(f".{name}.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(nbytes))
        try:
            os.link(draft, path)  # atomic: of two first times at once one wins and both read its secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
