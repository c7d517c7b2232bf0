"""`lamppost agent`: what a technician types on the device, where each word is, and its summary in Chinese: in English
that is the first sentence of its help. Heavy imports happen inside them.
"""

WORDS = {
    "setup": ("edge_agent.commands.setup:setup", "安装本站，并从数据库读回读数作为验证。"),
    "ports": ("edge_agent.commands.ports:ports", "串口的固定名称、接的是什么、被谁占用。"),
    "probe": ("edge_agent.commands.ports:probe", "查找传感器：先在各波特率下监听，再询问。"),
    "watch": ("edge_agent.commands.watch:watch", "实时数值：单位、时间、状态和坏帧。"),
    "command": ("edge_agent.commands.command:command", "向传感器发送型号文件中的命令，显示应答。"),
    "doctor": ("edge_agent.commands.care:doctor", "检查一切可能出错的地方，并给出处理办法。"),
    "fix": ("edge_agent.commands.care:fix", "执行体检给出的一项处理办法。"),
    "ready": ("edge_agent.commands.status:ready", "一切就绪时退出码为 0。"),
    "identify": ("edge_agent.commands.care:identify", "让板上的灯闪烁：是哪个箱子？"),
    "update": ("edge_agent.commands.care:update", "安装新版本，不如原来就自动退回。"),
    "support-bundle": ("edge_agent.commands.care:support_bundle", "打包管理中心需要的资料，不含密码和密钥。"),
    "run": ("edge_agent.commands.status:run", "读取传感器并发送，直到 SIGTERM 或 Ctrl-C。"),
    "status": ("edge_agent.commands.status:status", "一屏看完：站点、传感器、服务器、缓存。"),
    "config": ("edge_agent.commands.config", "查看和修改配置：一次改一项，注释保留。"),
    "spool": ("edge_agent.commands.spool", "离线缓存：待发、余量、导出、重发。"),
    "enrol": ("edge_agent.commands.enrol", "用一次性令牌入网，或手工入网。"),
    "service": ("edge_agent.commands.service", "系统服务：安装、重启、日志、卸载。"),
}
