#!/bin/bash
# start.sh DIR NAME: PID 1 of one hypervisor, in namespaces of its own (mount, pid, uts, ipc; still the outer network).
# Says on stdout "pid N" and "port N", then hands over to daemons.sh, which says "ready". Whoever holds stdin holds the
# hypervisor: at end of file PID 1 ends, and the kernel ends every daemon and every QEMU with it.
set -euo pipefail
dir=$1 name=$2
here=$(dirname "$(realpath "$0")")
exec 3>&1 >> "$dir/host.log" 2>&1
read -r outer_pid _ < /proc/self/stat # before the new /proc: the pid as the outside sees it
echo "pid $outer_pid" >&3
mount --make-rprivate /
hostname "$name"

# A /dev without kvm, so that libvirt offers only TCG: nested KVM often exists and does not run stock kernels.
mkdir -p "$dir/dev"
mount -t tmpfs -o mode=755 dev "$dir/dev"
mkdir "$dir"/dev/{net,pts,shm}
for node in null zero full random urandom tty net/tun; do
  touch "$dir/dev/$node"
  mount --bind "/dev/$node" "$dir/dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dir/dev/pts"
ln -s pts/ptmx "$dir/dev/ptmx"
ln -s /proc/self/fd "$dir/dev/fd"
mount -t tmpfs shm "$dir/dev/shm"
mount --rbind "$dir/dev" /dev
mount -t proc proc /proc

mkdir -p /etc/libvirt /etc/ssh /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
mount --bind "$dir/run" /run
mount --bind "$dir/etc/libvirt" /etc/libvirt
mount --bind "$dir/etc/ssh" /etc/ssh
mount --bind "$dir/lib" /var/lib/libvirt
mount --bind "$dir/log" /var/log/libvirt
mount --bind "$dir/cache" /var/cache/libvirt
mount --bind "$dir/root" /root
for table in passwd group shadow; do mount --bind "$dir/etc/accounts/$table" "/etc/$table"; done

# One sshd per connection, started inside the hypervisor's network; the listener stays outside and takes any free port.
: > "$dir/socat.log" # the port of an earlier boot must not be read again
socat -d -d "TCP-LISTEN:$(cat "$dir/port"),bind=127.0.0.1,reuseaddr,fork,nodelay" \
  "EXEC:nsenter --net=/proc/1/ns/net /usr/sbin/sshd -i" 3>&- < /dev/null 2>> "$dir/socat.log" &
for _ in $(seq 200); do
  port=$(sed -n 's/.*listening on AF=2 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/socat.log")
  [ -n "$port" ] && break
  kill -0 $! || { cat "$dir/socat.log"; exit 1; }
  sleep 0.02
done
echo "port $port" >&3
exec unshare --net bash "$here/daemons.sh"
