"""The algorithm, as pure functions of state, data and key."""
