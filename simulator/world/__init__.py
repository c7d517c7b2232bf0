"""A whole system on simulated time: sensors' bytes, and the agents' and the collector's own objects behind them."""
