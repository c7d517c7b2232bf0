"""The doctor: what is wrong with this station, each with an id that stays and the cure. Works without a network."""
