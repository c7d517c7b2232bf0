"""Texts of the public pages: (Chinese, English) by key."""

from __future__ import annotations

from typing import Final

from collector.rules.alert_words import BEGAN_AT, SEVERITY_WORDS, STATE_WORDS, limit_words

PUBLIC: Final[dict[str, tuple[str, str]]] = {
    "lang": ("zh-CN", "en"),
    "skip": ("跳到正文", "Skip to content"),
    "skip_map": ("跳过地图", "Skip the map"),
    "safe_colours": ("无障碍配色", "Colour-blind-safe colours"),
    "official_colours": ("标准配色", "Official colours"),
    "other_language": ("EN", "中文"),
    "other_language_name": ("English", "中文"),
    "notice": (
        "本页为小型传感器的参考数据，不是官方空气质量指数；官方数据请看生态环境部门发布。",
        "Indicative readings from small sensors, not the official AQI;"
        " see the environment authority for official data.",
    ),
    "description": (
        "街道上的空气和车流：实时读数、历史和开放数据。",
        "Air and traffic in the street: live readings, their past, and open data.",
    ),
    "privacy": ("只计数，不拍照，不识别车牌。", "We count. No pictures, no number plates."),
    "few": (
        "不足 5 辆时显示“<5”；一小时的车数取整到十。",
        "Fewer than 5 vehicles are shown as “<5”; hourly counts are rounded to tens.",
    ),
    "now_one": ("{name}：现在 PM2.5 ", "{name} now: PM2.5 "),
    "now_many": ("现在 PM2.5 最高处：{name}，", "Highest PM2.5 now: {name}, "),
    "no_air_now": ("现在没有读数。", "No readings now."),
    "no_air_fresh": ("目前没有实时 PM2.5；最近一次读数：", "No current PM2.5; the newest reading is from"),
    "unit_spoken": ("微克/立方米", "µg/m³"),
    "of_60_minutes": ("（近 60 分钟平均）", " (60 min mean)"),
    "of_fewer_minutes": ("（{n} 分钟的平均，暂定）", " (mean of {n} min, provisional)"),
    "due_to": ("（{names}）", " ({names})"),
    "sentence_end": ("。", "."),
    "comma": ("，", ", "),
    "and": ("、", ", "),
    "gap": ("", " "),  # between sentences, and behind a colon that ends a text
    "updated": ("更新于", "Updated"),
    "alerts_firing": ("{n} 条告警", "Alerts firing: {n}"),
    "stations": ("站点", "Stations"),
    "alerts": ("告警", "Alerts"),
    "alert": ("告警内容", "Alert"),
    "station": ("站点", "Station"),
    "hour_mean": ("近 60 分钟平均", "60 min mean"),
    "latest": ("最新读数", "latest"),
    "minutes_of": ("{n}/60 分钟", "{n}/60 min"),
    "provisional": ("不足 45 分钟，暂定", "under 45 min, provisional"),
    "corrected": ("已校正", "corrected"),
    "uncorrected": ("未校正", "uncorrected"),
    "index": ("分指数", "sub-index"),
    "map": ("地图", "Map"),
    "left_out": ("另有 {n} 个站点未画出，见站点列表。", "Stations that are not drawn: {n}; the list has them all."),
    "no_places": ("还没有站点报告位置。", "No station has a position yet."),
    "levels_mean": ("级别是什么意思", "What the levels mean"),
    "levels_how_running": (
        "按 {standard} 计算空气质量分指数，取最大者：PM2.5 和 PM10 用近 60 分钟平均浓度，不足 45 分钟为暂定；"
        "气体用最近一个整点小时。本站监测的污染物有缺测时，不高于 100 的指数不公布。",
        "Sub-indices under {standard}, of which the largest counts: of PM2.5 and PM10 from the mean of the last 60"
        " minutes, provisional under 45; of gases from the last full hour. While a pollutant that is measured at a"
        " station is missing, no index up to 100 is shown there.",
    ),
    "levels_how_china": (
        "按 {standard} 计算最近一个整点小时的指数：颗粒物用 24 小时滑动平均，取最大的分指数。",
        "The index of the last full hour under {standard}: particles as means of the 24 hours before; the largest"
        " sub-index counts.",
    ),
    "levels_how_us": (
        "美国环保署空气质量指数，2024 年 5 月的分级浓度：颗粒物用 NowCast（近 12 小时加权平均），取最大的分指数；"
        "显示最近一个整点小时。",
        "The US EPA's Air Quality Index with the breakpoints of May 2024: particles by NowCast, a weighted mean"
        " of the last 12 hours; the largest sub-index counts. Shown for the last full hour.",
    ),
    "levels_how_eu": (
        "欧洲环境署欧洲空气质量指数，2024 年修订：按小时平均浓度分级，以最差的污染物为准；显示最近一个整点小时。",
        "The European Air Quality Index of the EEA as revised in 2024: hourly means fall into bands, and the worst"
        " pollutant counts. Shown for the last full hour.",
    ),
    "levels_how_uk": (
        "英国每日空气质量指数（1 至 10）：颗粒物用 24 小时滑动平均，以最高者为准；显示最近一个整点小时。",
        "The UK's Daily Air Quality Index, 1 to 10: particles as means of the 24 hours before; the highest"
        " counts. Shown for the last full hour.",
    ),
    "sensitive_china": (
        "敏感人群：青少年儿童、老年人、心血管系统疾病和呼吸系统疾病患者。级别文字和颜色依据 {standard}。",
        "Sensitive people: children, older people, people with heart or lung disease. Words and colours of the levels"
        " follow {standard}.",
    ),
    "sensitive_us": (
        "敏感人群：心肺疾病患者、老年人、儿童和青少年、孕妇。"
        "依据美国环保署 EPA-454/B-24-002 和颗粒物活动指南，文字有删节。",
        "Sensitive groups: people with heart or lung disease, older adults, children and teenagers, pregnant"
        " women. After EPA-454/B-24-002 and the EPA's activity guide for particle pollution, shortened.",
    ),
    "sensitive_eu": (
        "敏感人群：有呼吸系统问题的成人和儿童，有心脏问题的成人。依据欧洲环境署的健康提示，文字有删节。",
        "Sensitive people: adults and children with respiratory problems, adults with heart conditions. After the EEA's"
        " health messages, shortened.",
    ),
    "sensitive_uk": (
        "敏感人群：有心脏或肺部疾病的成人和儿童，老年人。依据英国的健康建议，文字有删节。",
        "Sensitive people: adults and children with heart or lung conditions, older people. After the UK's"
        " health advice, shortened.",
    ),
    "legend_how": (
        "数字为级别 · 近 60 分钟平均 · {standard}",
        "The number is the level · 60 min mean · {standard}",
    ),
    "legend_how_stored": (
        "数字为级别 · 最近一个整点小时的指数 · {standard}",
        "The number is the level · index of the last full hour · {standard}",
    ),
    "levels_of": ("级别：{name}", "Levels of {name}"),
    "backdrop": ("底图：", "Background: "),
    "began_at": (BEGAN_AT.zh, str(BEGAN_AT)),
    "of_limit": limit_words("firing", "{n}"),
    "of_clear_limit": limit_words("resolved", "{n}"),
    "traffic_soon": (
        "车流量：首个五分钟结束后显示。",
        "Traffic: shown after the first five minutes.",
    ),
    "at_stations": ("{n} 个站点", "{n} stations"),
    "show_stations": ("哪些站点", "Which stations"),
    "more_alerts": ("还有 {n} 条", "{n} more"),
    "times": ("{n} 个传感器或车道", "{n} sensors or lanes"),
    "stale_or_none": ("过期或无数据", "out of date or no data"),
    "list": ("列表", "List"),
    "level": ("级别", "Level"),
    "sensor": ("传感器", "Sensor"),
    "live": ("数据实时", "live"),
    "stale": ("数据过期", "out of date"),
    "none": ("尚无数据", "no data yet"),
    "out_of_service": ("已停用", "out of service"),
    "none_long": ("站点已登记，等待第一条读数。", "Station accepted, waiting for the first reading."),
    "nothing_hour": ("最近一小时没有读数。", "No readings in the last hour."),
    "online": ("在线", "online"),
    "offline": ("离线", "offline"),
    "link_unknown": ("连接未知", "link unknown"),
    "last_hour": ("最近一小时", "last hour"),
    "last_minutes": ("最近 10 分钟", "last 10 min"),
    "lowest": ("最低", "lowest"),
    "highest": ("最高", "highest"),
    "as_table": ("以表格查看", "View as table"),
    "table_of": ("{name}：表格", "{name}: table"),
    "time": ("时间", "Time"),
    "traffic": ("交通", "Traffic"),
    "vehicles": ("车辆", "Vehicles"),
    "counted_in_part": ("浅色：这五分钟里只数了一部分时间", "Pale: counted for a part of these five minutes"),
    "counted_for": ("只数了 {minutes} 分钟", "counted for {minutes} min"),
    "vehicles_per": ("每 {n} 分钟车辆数", "vehicles per {n} min"),
    "flow": ("近 1 小时车流量", "flow, 60 min"),
    "same_hour_last_week": ("上周同一小时：", "This hour last week:"),
    "per_hour": ("辆/时", "vehicles/h"),
    "vehicles_few": ("辆", "vehicles"),
    "speed": ("近 1 小时平均车速", "mean speed, 60 min"),
    "heavy_hour": ("近 1 小时大型车", "heavy vehicles, 60 min"),
    "humid": (
        "相对湿度高于 70%：颗粒物读数可能偏高。",
        "Relative humidity is above 70 %: particle readings may be too high.",
    ),
    "cannot_be": (
        "颗粒物传感器的最新读数超出可信范围，未采用。",
        "The particle sensor's newest readings cannot be right; they are not used.",
    ),
    "hour_of": ("{time} 起的一小时", "hour from {time}"),
    "complete": ("数据完整 {n}%", "{n} % complete"),
    "stored_indices": ("最近一个整小时的指数", "Indices of the last full hour"),
    "past": ("历史数据", "The past"),
    "span_day": ("24 小时", "24 hours"),
    "span_week": ("7 天", "7 days"),
    "span_month": ("30 天", "30 days"),
    "span_year": ("一年", "One year"),
    "means_of_day": ("10 分钟平均", "10 min means"),
    "means_of_week": ("小时平均", "hourly means"),
    "means_of_month": ("小时平均", "hourly means"),
    "means_of_year": ("日平均", "daily means"),
    "times_of": ("时间：{zone}", "Times: {zone}"),
    "levels_at_axis": ("坐标轴颜色表示级别", "colours at the axis are levels"),
    "speeds": ("车速分布", "Speeds"),
    "speeds_how": (
        "一半车辆不超过 {v50} km/h；15% 不超过 {v15} km/h，85% 不超过 {v85} km/h",
        "Half of the vehicles drove {v50} km/h or less; 15 % {v15} km/h or less, 85 % {v85} km/h or less",
    ),
    "by_length": ("按车长（参考）：", "By length (indicative):"),
    "share": ("占比", "share"),
    "flow_of_hour": ("每小时，取整到十", "by the hour, in tens"),
    "flow_of_day": ("每日平均，取整到十", "daily mean, in tens"),
    "week_before": ("上周同期", "a week before"),
    "nothing_yet": ("这段时间没有颗粒物和车流数据。", "No particles and no traffic in this time."),
    "calendar": ("每日级别", "The level of each day"),
    "calendar_how": ("每格一天，数字为级别。标准：", "One cell a day; the number is the level. Standard:"),
    "month": ("月份", "Month"),
    "no_data": ("无数据", "no data"),
    "semicolon": ("；", "; "),
    "colon": ("：", ": "),
    "raw": ("原始值", "raw"),
    "corrected_by": (
        "{quantity}：{formula}，自 {day} 起",
        "{quantity}: {formula}, since {day}",
    ),
    "as_given": ("未校正，按传感器原始数值", "not corrected, as the sensor gives it"),
    "reports_by": ("采用标准", "Reports by"),
    "standard_china": ("HJ 633（当日有效版本）", "HJ 633, the edition in force on the day"),
    "standard_china-2012": ("HJ 633-2012", "HJ 633-2012"),
    "standard_china-2026": ("HJ 633-2026", "HJ 633-2026"),
    "standard_us": ("美国 EPA AQI（2024-05）", "US EPA AQI (May 2024)"),
    "standard_eu": ("欧洲 EEA 空气质量指数（2024）", "EEA European Air Quality Index (2024)"),
    "standard_uk": ("英国 DAQI", "UK DAQI"),
    "newest_data": ("最新数据", "Newest data"),
    "stations_live": ("{n}/{all} 个站点实时", "{n} of {all} stations live"),
    "source_code": ("源代码", "Source code"),
    "contact": ("联系方式", "Contact"),
    "download_csv": ("下载数据 CSV", "Download data, CSV"),
    "open_api": ("开放接口 API", "Open API"),
    "report_how": (
        "发现读数不对或设备损坏？在站点页面就能报告，无需账号；报告和答复都公开。",
        "Readings look wrong, equipment is damaged? Report it on the station's page, without an account;"
        " reports and answers are public.",
    ),
    "changes_all": ("站点变更记录", "Changes at stations"),
    "clears_below": ("解除阈值", "clears below"),
    "heavy": ("大型车", "heavy"),
    "threshold": ("告警阈值", "alert above"),
    "more_stations": ("还有 {n} 个站点。", "More stations: {n}."),
    "so_many_more": (
        "另有 {n} 个站点未列出；数据过期的排在前面。",
        "Stations that are not listed: {n}; those out of date come first.",
    ),
    "no_alerts_long": ("现在没有告警。", "No alerts at the moment."),
    "state": ("状态", "State"),
    **{word: (text.zh, str(text)) for word, text in (STATE_WORDS | SEVERITY_WORDS).items()},
    "pending": ("观察中", "pending"),
    "rule": ("规则", "Rule"),
    "value": ("数值", "Value"),
    "limit": ("阈值", "Threshold"),
    "since": ("开始", "Since"),
    "info": ("提示", "info"),
    "store_down": (
        "数据库暂时没有回答；读数仍在采集，稍后补上。",
        "The database does not answer at the moment; readings are still being collected and will follow.",
    ),
    "no_stations": ("还没有站点。", "No stations yet."),
    "all_stations": ("全部站点", "All stations"),
    "find_label": ("找站点：名称或编号", "Find a station by name or number"),
    "find": ("查找", "Find"),
    "found_named": ("名称含“{text}”的站点：{n} 个", "Stations with “{text}” in their name: {n}"),
    "found_none": ("没有名称含“{text}”的站点。", "No station has “{text}” in its name."),
    "page_of": ("第 {n} 页，共 {all} 页", "Page {n} of {all}"),
    "earlier_page": ("上一页", "Previous page"),
    "next_page": ("下一页", "Next page"),
    "generated": ("页面生成于", "Page generated at"),
    "connected": ("自动更新", "updates by itself"),
    "held": (
        "有新内容：打开的表单发送或关闭（Esc）后显示",
        "there is news: it is shown once the open form is sent or closed (Esc)",
    ),
    "disconnected": ("连接中断，正在重连；页面暂不更新", "connection lost, reconnecting; this page is not updating"),
    "shut": ("登录已过期，页面不再更新。重新登录", "No longer logged in; this page is not updating. Log in"),
    "take_part": ("参与", "Take part"),
    "open_data": ("开放数据", "Open data"),
    "open_data_about": (
        "这里的读数任何人都可以下载、使用和再发布，注明来源即可。",
        "Anybody may download, use and republish these readings; name the source.",
    ),
    "licence": ("许可", "Licence"),
    "download": ("下载", "Download"),
    "csv_air": ("空气，一天，5 分钟", "Air, a day, 5 min"),
    "csv_traffic": ("交通，一天，5 分钟", "Traffic, a day, 5 min"),
    "csv_hours": ("空气，30 天，小时", "Air, 30 days, hourly"),
    "csv_days": ("空气，一年，日", "Air, a year, daily"),
    "csv_index": ("指数，一年，日", "Index, a year, daily"),
    "api_about": (
        "无需登录。时间要带时区；每页末尾的 next 指向下一页；出错时 reason 说明原因。",
        "No login. Times carry their offset; next leads to the next page; reason says why a question was refused.",
    ),
    "columns": ("数据列", "Columns"),
    "columns_about": (
        "单位写在列名里或 unit 一列。completeness 是该时段内这个指标有数据的比例，flags 是对这个平均值存疑的检验；"
        "指数总是与 standard 和 edition 一起看，NA 没有数值。"
        "rows 是该时段的读数条数，cq 是时钟质量（0 已同步，1 事后校正，2 估计），qc 是最差的质量标志，"
        "masked 列出因车辆不足 5 辆而隐去的列。",
        "Units are in the names or in the column unit. completeness: the share of the window with this quantity."
        " flags: the tests that doubt this mean. An index means nothing without its standard and edition;"
        " NA has no value. rows: stored readings in the window. cq: clock quality (0 synced, 1 restored,"
        " 2 estimated). qc: the worst quality flag. masked: columns withheld because they are of fewer than"
        " 5 vehicles.",
    ),
    "how_measured": ("这个数怎么来的？", "How is this measured?"),
    "how_measured_lines": (
        "颗粒物：小型激光散射传感器每秒左右测一次，与监测站的标准方法不同。\n"
        "颗粒物先求每分钟平均，再求近 60 分钟平均；满 45 分钟才算完整。\n"
        "相对湿度高于 70% 时，颗粒物读数可能偏高。\n"
        "“已校正”表示读数按本站的校准换算过；“未校正”是传感器的原始数值。\n"
        "车流：传感器只数经过的车辆和车速，在灯杆上汇总后才发出。\n"
        "其他指标为最新一次读数；噪声为传感器给出的声级。",
        "Particles: small laser-scattering sensors measure about every second; this is not a reference method.\n"
        "Particles are averaged by the minute, then over the last 60 minutes; from 45 minutes on that is complete.\n"
        "Above 70 % relative humidity particle readings may be too high.\n"
        "“Corrected” readings have been calibrated for this station; “uncorrected” are as the sensor gave them.\n"
        "Traffic: vehicles and their speed are counted as they pass; only totals leave the lamppost.\n"
        "Anything else is the newest reading; noise is the level as the sensor gives it.",
    ),
    "height": ("离地高度", "Height above ground"),
    "reports": ("问题报告", "Problem reports"),
    "no_reports": ("还没有人报告问题。", "Nobody has reported a problem."),
    "reported": ("已收到，谢谢。处理结果会写在这里。", "Received, thank you. The answer will appear here."),
    "report_this": ("报告这个站点的问题", "Report a problem with this station"),
    "report_kind": ("哪一类问题？", "What is it about?"),
    "report_values": ("数值看起来不对", "Values look wrong"),
    "report_stale": ("数据不更新", "Data is out of date"),
    "report_damaged": ("设备损坏", "Equipment is damaged"),
    "report_place": ("位置不对", "Place is wrong"),
    "report_other": ("其他", "Something else"),
    "report_text": ("请描述（最多 1000 字）", "Please describe it (up to 1000 characters)"),
    "report_contact": ("联系方式（可不填）", "How to reach you (optional)"),
    "report_privacy": (
        "类别立即公开；内容在答复时由工作人员决定是否公开；联系方式从不公开，答复后删除。",
        "The kind is public at once; your text only if staff show it with the answer;"
        " your contact never, and it is deleted after the answer.",
    ),
    "send": ("提交", "Send"),
    "unanswered": ("待答复", "waiting for an answer"),
    "answered": ("已答复", "answered"),
    "answer": ("答复", "Answer"),
    "changes": ("站点变更记录", "Changes at this station"),
    "no_changes": ("还没有变更记录。", "No changes yet."),
    "change_installed": ("安装", "installed"),
    "change_moved": ("迁移", "moved"),
    "change_recalibrated": ("重新校准", "recalibrated"),
    "change_repaired": ("维修", "repaired"),
    "change_removed": ("拆除", "removed"),
    "refused_form": ("表单内容不完整或不合规。", "The form is incomplete or not as expected."),
    "refused_desk": (
        "操作未执行，没有任何改动：告警可能刚刚结束，值班台暂时无法写入文件，或者这台采集器正在待命（请到正在工作的那台上操作）。",
        "Not done, and nothing was changed: the alert may just have ended, the desk cannot write its file now, or this"
        " collector stands by (do it at the one that works).",
    ),
    "refused_origin": ("表单必须从本站提交。", "The form must be sent from this site."),
    "refused_taken": (
        "这期间已有别人确认了这条告警，刚才的操作没有执行；请先看是谁在处理，仍要这样做就再操作一次。",
        "Somebody else has acknowledged it meanwhile, and nothing was done: look who has it, and do it again if"
        " you still want to.",
    ),
    "refused_answered": (
        "没有这个编号的待答复报告：可能已有别人答复，您的答复没有保存。",
        "No report of that number waits: somebody may have answered it meanwhile. Your answer was not kept.",
    ),
    "refused_old": (
        "这个页面已经过时（之后重新登录过，或打开太久），刚才的操作没有执行；请重新打开页面再做一次。",
        "This page is out of date (you logged in again since, or it was open for long), and nothing was done;"
        " open it anew and do it again.",
    ),
    "refused_often": ("提交太频繁，请一小时后再试。", "Too many at once; please try again in an hour."),
    "refused_file": (
        "文件暂时无法写入，刚才的操作没有保存；请过一分钟再试。",
        "A file cannot be written just now, and nothing was kept; please try again in a minute.",
    ),
    "broken": ("页面出错了，请稍后再试。", "Something went wrong here; please try again later."),
    "not_found": ("没有这个页面。", "There is no such page."),
    "not_found_station": ("没有这个站点。", "There is no such station."),
    "back": ("回到首页", "Back to the home page"),
    "sensors": ("传感器", "Sensors"),
    "clock": ("时钟", "Clock"),
    "synced": ("已同步", "synced"),
    "restored": ("事后校正", "restored"),
    "estimated": ("估计", "estimated"),
    "unsynced": ("未同步", "not synced"),
    "oldest_unsent": ("最旧未发读数", "Oldest unsent reading"),
    "nothing_unsent": ("无", "none"),
    "link": ("连接", "Link"),
    "data": ("数据", "Data"),
    "ago_s": ("{n} 秒前", "{n} s ago"),
    "ago_min": ("{n} 分钟前", "{n} min ago"),
    "ago_h": ("{n} 小时前", "{n} h ago"),
    "ago_d": ("{n} 天前", "{n} d ago"),
}
