"""What a person fills into the set-up page, and a sensor that was found."""

from edge_agent.setup.answers import SensorAnswer

SENSOR = SensorAnswer(name="air-1", profile="plantower-pms5003", port="/dev/a")
FILLED = {"node": "lp-0042", "broker": "10.0.0.1:1884", "site": "here", "who": "王磊", "position": "39.9，116.4"}
