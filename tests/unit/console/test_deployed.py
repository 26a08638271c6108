"""Where the instances of a desk of containers are."""

import pytest

from console.deployed import Address, addresses_of, instances
from shared.domain.errors import ConfigurationError

NETWORK = {"risk": ("10.0.0.4", "10.0.0.9"), "tapedeck-data": ("10.0.0.2",)}


def resolve(host: str) -> tuple[str, ...]:
    return NETWORK.get(host, ())


def test_a_name_with_two_addresses_is_two_instances() -> None:
    assert instances("risk:8103", resolve) == {
        "risk": Address("10.0.0.4", 8103),
        "risk-2": Address("10.0.0.9", 8103),
    }


def test_a_service_may_have_another_name_on_the_network() -> None:
    assert instances("data=tapedeck-data:8101", resolve) == {"data": Address("10.0.0.2", 8101)}


def test_one_that_does_not_run_is_listed_where_nobody_answers() -> None:
    assert instances("ledger:8105, ", resolve) == {"ledger": Address("ledger", 8105)}


def test_nothing_said_is_nothing_known() -> None:
    assert instances("", resolve) == {}


@pytest.mark.parametrize("text", ["broker:8101", "risk", "risk:", "risk:many", ":8101"])
def test_what_is_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TAPEDECK_INSTANCES"):
        instances(text, resolve)


def test_a_name_that_nobody_has_is_no_address() -> None:
    assert addresses_of("no-such-name.invalid") == ()
    assert "127.0.0.1" in addresses_of("127.0.0.1")
