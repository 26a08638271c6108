"""The strategies that come with Tapedeck; `services.strategy.catalogue` names them."""
