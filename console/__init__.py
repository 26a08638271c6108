"""The top of the house: composes the services and talks to the operator."""
