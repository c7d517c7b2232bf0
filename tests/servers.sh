#!/bin/sh
# The real servers and the browser that the tests use: installed when this may be done, named when not.
set -eu
missing=""
for pair in mosquitto:mosquitto influxd:influxdb victoria-metrics:victoria-metrics nats-server:nats-server chromium:chromium \
    promtool:prometheus prometheus-alertmanager:prometheus-alertmanager systemd-analyze:systemd; do
    program=${pair%%:*}
    package=${pair##*:}
    command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing="$missing $package"
done
# Only root can cut the power (tests/powercut) and make a Debian root or boot it (tests/field/test_ladder.py, test_booted.py); for anyone else
# those parts are skipped, and say so.
[ "$(id -u)" != 0 ] || command -v mkfs.xfs >/dev/null 2>&1 || [ -x /usr/sbin/mkfs.xfs ] || missing="$missing xfsprogs"
[ "$(id -u)" != 0 ] || command -v debootstrap >/dev/null 2>&1 || [ -x /usr/sbin/debootstrap ] || missing="$missing debootstrap"
[ "$(id -u)" != 0 ] || command -v systemd-nspawn >/dev/null 2>&1 || missing="$missing systemd-container"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing from Debian's packages:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing fonts-noto-cjk >/dev/null && exit 0
fi
echo "the tests need real servers that are not here:$missing" >&2
echo "install them:   sudo apt-get install$missing" >&2
echo "or run the part that needs none:   make test-pure" >&2
exit 1
