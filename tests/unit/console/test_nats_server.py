import json
import re
from typing import Any

import pytest

from console.nats_server import Cluster, NatsServer, ServerTls, configuration
from shared.permissions import ADMIN, USERS, VAULTS, account, permissions

PUBLIC_KEYS = {user: f"U{user.upper()}" for user in USERS}


def made(**more: Any) -> dict[str, Any]:
    server = NatsServer(
        listen="127.0.0.1:4222",
        store_dir="store",
        store_bytes_max=1_000,
        public_keys=PUBLIC_KEYS,
        book="main",
        **more,
    )
    loaded: dict[str, Any] = json.loads(configuration(server))
    return loaded


def exports(config: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {entry["service"]: entry for entry in config["accounts"][name].get("exports", [])}


def test_every_user_is_alone_in_an_account_and_vaults_have_no_user() -> None:
    accounts = made()["accounts"]

    assert list(accounts) == [account(name) for name in (*VAULTS, *USERS)]
    for user in USERS:
        (login,) = accounts[account(user)]["users"]
        assert login["nkey"] == PUBLIC_KEYS[user]
    for vault in VAULTS:
        assert "users" not in accounts[vault]
        assert "imports" not in accounts[vault], "whoever reads there could have it deliver"


def test_a_user_has_his_permissions_and_admin_has_no_limits() -> None:
    accounts = made()["accounts"]
    (risk,) = accounts["RISK"]["users"]
    (admin,) = accounts["ADMIN"]["users"]

    assert tuple(risk["permissions"]["publish"]["allow"]) == permissions("risk", "main").publish
    assert tuple(risk["permissions"]["subscribe"]["allow"]) == permissions("risk", "main").subscribe
    assert risk["permissions"]["allow_responses"] is True
    assert "permissions" not in admin


@pytest.mark.parametrize("user", USERS)
def test_whatever_is_imported_is_exported_to_this_account_and_no_wider(user: str) -> None:
    config = made()
    for entry in config["accounts"][account(user)].get("imports", []):
        service = entry["service"]
        assert account(user) in exports(config, service["account"])[service["subject"]]["accounts"]


def test_every_export_names_who_may_have_it() -> None:
    config = made()
    for name in config["accounts"]:
        for subject, entry in exports(config, name).items():
            assert entry["accounts"], f"{name} gives {subject} to everybody"


def test_a_call_is_renamed_for_the_client_that_knows_one_jetstream() -> None:
    strategy = made()["accounts"]["STRATEGY"]
    call = "$JS.API.STREAM.INFO.TAPE"

    assert strategy["mappings"][call] == "TAPE.API.STREAM.INFO.TAPE"
    assert {
        "service": {"account": "TAPE", "subject": call},
        "to": "TAPE.API.STREAM.INFO.TAPE",
    } in strategy["imports"]


def test_a_pull_has_many_answers() -> None:
    tape = exports(made(), "TAPE")

    pull = tape["$JS.API.CONSUMER.MSG.NEXT.TAPE.>"]
    assert (pull["response_type"], pull["response_threshold"]) == ("Stream", "60s")
    assert "response_type" not in tape["$JS.API.STREAM.INFO.TAPE"]


def test_only_vaults_and_the_members_zone_store_anything() -> None:
    accounts = made()["accounts"]

    assert [name for name in accounts if "jetstream" in accounts[name]] == [*VAULTS, "STRATEGY"]
    assert accounts["STRATEGY"]["jetstream"]["max_streams"] == 1


def test_the_file_holds_no_secret() -> None:
    text = json.dumps(made())
    assert "password" not in text
    assert not re.search(r"\bSU[A-Z2-7]{56}\b", text)


def test_what_is_acknowledged_is_on_disk_within_ten_milliseconds() -> None:
    assert made()["jetstream"]["sync_interval"] == "10ms"


def test_nothing_listens_but_the_port_of_the_tape() -> None:
    config = made()
    assert config["listen"] == "127.0.0.1:4222"
    assert not {"http", "https", "cluster", "leafnodes", "websocket", "tls"} & set(config)


def test_tls_and_a_cluster_are_said_when_they_are_wanted() -> None:
    config = made(
        name="nats-1",
        tls=ServerTls(cert_file="c", key_file="k", ca_file="ca"),
        cluster=Cluster(name="desk", listen="0.0.0.0:6222", routes=["nats://nats-2:6222"]),
    )

    assert config["server_name"] == "nats-1"
    assert config["tls"] == {"cert_file": "c", "key_file": "k", "ca_file": "ca", "verify": True}
    assert config["cluster"]["routes"] == ["nats://nats-2:6222"]
    assert made(tls=ServerTls(cert_file="c", key_file="k"))["tls"] == {
        "cert_file": "c",
        "key_file": "k",
    }


def test_extras_are_laid_on_top() -> None:
    assert made(extras={"max_payload": 2_000})["max_payload"] == 2_000


def test_a_desk_may_do_without_some_users() -> None:
    server = NatsServer(
        listen="127.0.0.1:4222",
        store_dir="store",
        store_bytes_max=1_000,
        public_keys={ADMIN: "U"},
        book="main",
    )
    config = json.loads(configuration(server))
    assert list(config["accounts"]) == [*VAULTS, "ADMIN"]
    for name in VAULTS:
        assert {a for e in exports(config, name).values() for a in e["accounts"]} == {"ADMIN"}
    assert {i["service"]["account"] for i in config["accounts"]["ADMIN"]["imports"]} == set(VAULTS)
