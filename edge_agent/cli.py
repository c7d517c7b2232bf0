"""`lamppost agent`: what a technician types on the device, and where each word is. Heavy imports happen inside them."""

WORDS = {
    "setup": "edge_agent.commands.setup:setup",
    "ports": "edge_agent.commands.ports:ports",
    "probe": "edge_agent.commands.ports:probe",
    "watch": "edge_agent.commands.watch:watch",
    "command": "edge_agent.commands.command:command",
    "doctor": "edge_agent.commands.care:doctor",
    "fix": "edge_agent.commands.care:fix",
    "ready": "edge_agent.commands.status:ready",
    "identify": "edge_agent.commands.care:identify",
    "update": "edge_agent.commands.care:update",
    "support-bundle": "edge_agent.commands.care:support_bundle",
    "run": "edge_agent.commands.status:run",
    "status": "edge_agent.commands.status:status",
    "config": "edge_agent.commands.config",
    "spool": "edge_agent.commands.spool",
    "enrol": "edge_agent.commands.enrol",
    "service": "edge_agent.commands.service",
}
