#!/bin/bash
# The second half of PID 1, inside the hypervisor's own network: the daemons, then waiting for the holder of stdin.
# No route leads out: no packet of a guest can leave the machine.
set -euo pipefail
mount -t sysfs sysfs /sys
ip link set lo up
virtlogd 3>&- < /dev/null &
libvirtd 3>&- < /dev/null &
libvirtd=$!
# libvirtd answers once its drivers have loaded and the autostarted pool and network run.
until virsh --quiet version 2> /dev/null; do
  kill -0 $libvirtd || { echo 'libvirtd has ended'; exit 1; }
  sleep 0.05
done
virsh --quiet net-info default | grep 'Active: *yes' > /dev/null || { echo 'network default did not start'; exit 1; }
virsh --quiet pool-info default | grep 'State: *running' > /dev/null || { echo 'pool default did not start'; exit 1; }
echo ready >&3
exec 3>&-
# A builtin, so that bash stays free to reap the orphans that become its children.
while read -r _; do :; done
