"""The city: traffic, weather and air as pure functions of place, time and seed."""
