"""The keys and the server's configuration of a desk of containers."""

import json
import stat
from pathlib import Path

import pytest

from console.provision import cluster_of, make_keys, password_in, run
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.tape.nkeys import UserKey

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
USERS = (*SERVICES, "console", "admin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*USERS, "postgres", "nats"):
        (tmp_path / name).mkdir()
    return tmp_path


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="ascii")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_user_gets_his_own_key_and_the_server_only_public_ones(folder: Path) -> None:
    made = make_keys(folder, "main", 1_000_000)
    config = (folder / "nats" / "nats.conf").read_text(encoding="ascii")

    for user in USERS:
        seed = (folder / user / f"{user}.nk").read_text(encoding="ascii").strip()
        public = UserKey.from_seed(seed).public
        assert mode(folder / user / f"{user}.nk") == 0o600
        assert public in config
        assert seed not in config
        assert seed not in json.dumps(made)
    assert json.loads(config)["jetstream"]["max_file_store"] == 1_000_000
    assert json.loads(config)["http"].startswith("127.0.0.1:")


def test_a_user_without_a_folder_cannot_log_in(folder: Path) -> None:
    make_keys(folder, "main", 1)
    accounts = json.loads((folder / "nats" / "nats.conf").read_text(encoding="ascii"))["accounts"]

    assert "GATEWAY" not in accounts
    assert "RISK" in accounts


def test_what_is_there_stays(folder: Path) -> None:
    make_keys(folder, "main", 1)
    first = everything(folder)
    make_keys(folder, "main", 1)

    assert everything(folder) == first
    assert not list(folder.rglob("*.part"))


def test_a_removed_key_is_made_anew_and_the_others_stay(folder: Path) -> None:
    make_keys(folder, "main", 1)
    first = everything(folder)
    (folder / "risk" / "risk.nk").unlink()
    make_keys(folder, "main", 1)
    changed = {name for name, text in everything(folder).items() if text != first[name]}

    assert changed == {"risk/risk.nk", "nats/nats.conf", "nats/nats-replay.conf"}


def test_who_logs_in_at_the_database_has_a_pgpass_file_nobody_else_reads(folder: Path) -> None:
    make_keys(folder, "main", 1)
    owner = (folder / "postgres" / "password").read_text(encoding="ascii")

    assert (folder / "ledger" / "pgpass").read_text().startswith("*:*:*:tapedeck_ledger:")
    assert mode(folder / "ledger" / "pgpass") == 0o600
    assert password_in(folder / "admin" / "pgpass") == owner
    assert password_in(folder / "ledger" / "pgpass") != owner
    assert not (folder / "risk" / "pgpass").exists()


def test_an_owners_new_password_reaches_the_administrator(folder: Path) -> None:
    make_keys(folder, "main", 1)
    (folder / "postgres" / "password").write_text("ab" * 24, encoding="ascii")
    make_keys(folder, "main", 1)

    assert password_in(folder / "admin" / "pgpass") == "ab" * 24


def test_no_folder_at_all_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder for any user"):
        make_keys(tmp_path, "main", 1)


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "nats").rmdir()
    with pytest.raises(UnavailableError, match=r"cannot write .*nats\.conf"):
        make_keys(folder, "main", 1)


def test_a_damaged_key_is_named_and_not_replaced(folder: Path) -> None:
    (folder / "risk" / "risk.nk").write_text("rubbish", encoding="ascii")
    with pytest.raises(UnavailableError, match=r"risk\.nk is damaged"):
        make_keys(folder, "main", 1)


@pytest.mark.parametrize("text", ["0", "16999999", "many", "-1", "1.5"])
def test_a_size_that_is_none_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="a number of bytes"):
        run("keys", {"TAPEDECK_SECRETS": str(folder), "TAPEDECK_TAPE_BYTES_MAX": text})


def test_an_unknown_job_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="one of keys, roles, desk"):
        run("everything", {"TAPEDECK_SECRETS": str(folder)})


def test_servers_that_nobody_names_are_not_prepared(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="must name the servers"):
        run("desk", {"TAPEDECK_SECRETS": str(folder)})


def test_a_cluster_has_a_file_for_each_server_and_a_secret_between_them(folder: Path) -> None:
    names = ["nats", "nats-2", "nats-3"]
    made = make_keys(folder, "main", 1, names)
    configs = [json.loads((folder / "nats" / f"{name}.conf").read_text("ascii")) for name in names]
    assert "cluster" not in json.loads((folder / "nats" / "nats-replay.conf").read_text("ascii"))
    password = configs[0]["cluster"]["authorization"]["password"]

    assert [config["server_name"] for config in configs] == names
    assert len({json.dumps(config["cluster"]) for config in configs}) == 1
    assert all(f"route:{password}@" in route for route in configs[0]["cluster"]["routes"])
    assert mode(folder / "nats" / "nats-2.conf") == 0o600
    assert password not in json.dumps(made)


def test_one_server_has_no_cluster(folder: Path) -> None:
    make_keys(folder, "main", 1)
    assert "cluster" not in json.loads((folder / "nats" / "nats.conf").read_text("ascii"))


@pytest.mark.parametrize("text", ["nats,nats-2", "a,b,a", "a,b,c,d", "nats,,nats-3", "A,b,c"])
def test_servers_that_cannot_vote_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="3 or 5 different names"):
        cluster_of({"TAPEDECK_NATS_CLUSTER": text})


def test_servers_are_named_in_the_order_given() -> None:
    assert cluster_of({}) == ["nats"]
    assert cluster_of({"TAPEDECK_NATS_CLUSTER": "nats, nats-2,nats-3"}) == [
        *("nats", "nats-2", "nats-3")
    ]
