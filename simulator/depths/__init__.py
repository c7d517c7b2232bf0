"""How deep a run goes: objects on simulated time, real programs at real terminals, virtual nodes, or files alone."""
