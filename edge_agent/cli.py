"""`lamppost agent`: what a technician types on the device, and where each word is. Heavy imports happen inside them."""

WORDS = {
    "setup": "edge_agent.setup_cli:setup",
    "ports": "edge_agent.ports_cli:ports",
    "probe": "edge_agent.ports_cli:probe",
    "watch": "edge_agent.watch_cli:watch",
    "command": "edge_agent.command_cli:command",
    "doctor": "edge_agent.care_cli:doctor",
    "fix": "edge_agent.care_cli:fix",
    "ready": "edge_agent.status_cli:ready",
    "identify": "edge_agent.care_cli:identify",
    "update": "edge_agent.care_cli:update",
    "support-bundle": "edge_agent.care_cli:support_bundle",
    "run": "edge_agent.status_cli:run",
    "status": "edge_agent.status_cli:status",
    "config": "edge_agent.config_cli",
    "spool": "edge_agent.spool_cli",
    "enrol": "edge_agent.enrol_cli",
    "service": "edge_agent.service_cli",
}
