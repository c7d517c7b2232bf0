"""Grafana, ready to load: data sources and dashboards as files that it provisions without a click."""
