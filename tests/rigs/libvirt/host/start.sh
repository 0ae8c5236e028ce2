#!/bin/bash
# start.sh DIR NAME [ROOT]: PID 1 of one hypervisor, in namespaces of its own (mount, pid, uts, ipc; still the outer
# network). ROOT is the file system of another Debian release, which stays as it is; default: this machine's.
# Says on stdout "pid N" and "port N", then hands over to daemons.sh, which says "ready". Whoever holds stdin holds the
# hypervisor: at end of file PID 1 ends, and the kernel ends every daemon and every QEMU with it.
set -euo pipefail
dir=$1 name=$2 lower=${3:-}
here=$(dirname "$(realpath "$0")")
exec 3>&1 >> "$dir/host.log" 2>&1
read -r outer_pid _ < /proc/self/stat # before the new /proc: the pid as the outside sees it
echo "pid $outer_pid" >&3
mount --make-rprivate /
hostname "$name"
top=
if [ -n "$lower" ]; then
  top=$dir/rootfs
  rm -rf "$dir/work" && mkdir -p "$top" "$dir/upper" "$dir/work"
  mount -t overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" overlay "$top"
fi

# A /dev without kvm, so that libvirt offers only TCG: nested KVM often exists and does not run stock kernels.
mkdir -p "$dir/dev"
mount -t tmpfs -o mode=755 dev "$dir/dev"
mkdir "$dir"/dev/{net,pts,shm}
for node in null zero full random urandom tty net/tun; do
  touch "$dir/dev/$node"
  mount --bind "/dev/$node" "$dir/dev/$node"
done
# Loop devices, for pools that are file systems of their own: mount(8) takes one and gives it back.
if [ -e /dev/loop-control ]; then
  touch "$dir/dev/loop-control"
  mount --bind /dev/loop-control "$dir/dev/loop-control"
  for number in $(seq 0 63); do mknod -m 600 "$dir/dev/loop$number" b 7 "$number"; done
fi
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dir/dev/pts"
ln -s pts/ptmx "$dir/dev/ptmx"
ln -s /proc/self/fd "$dir/dev/fd"
mount -t tmpfs shm "$dir/dev/shm"
mount --rbind "$dir/dev" "$top/dev"
mount -t proc proc "$top/proc"

mkdir -p "$top"/{etc/libvirt,etc/ssh,var/lib/libvirt,var/log/libvirt,var/cache/libvirt}
mount --bind "$dir/run" "$top/run"
mount --bind "$dir/etc/libvirt" "$top/etc/libvirt"
mount --bind "$dir/etc/ssh" "$top/etc/ssh"
mount --bind "$dir/lib" "$top/var/lib/libvirt"
mount --bind "$dir/log" "$top/var/log/libvirt"
mount --bind "$dir/cache" "$top/var/cache/libvirt"
mount --bind "$dir/root" "$top/root"
for table in passwd group shadow; do mount --bind "$dir/etc/accounts/$table" "$top/etc/$table"; done
cp "$here/daemons.sh" "$top/run/daemons.sh"

# One sshd per connection, started inside the hypervisor's network; the listener stays outside and takes any free port.
: > "$dir/socat.log" # the port of an earlier boot must not be read again
chroot "$top/" socat -d -d "TCP-LISTEN:$(cat "$dir/port"),bind=127.0.0.1,reuseaddr,fork,nodelay" \
  "EXEC:nsenter --net=/proc/1/ns/net /usr/sbin/sshd -i" 3>&- < /dev/null 2>> "$dir/socat.log" &
for _ in $(seq 200); do
  port=$(sed -n 's/.*listening on AF=2 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/socat.log")
  [ -n "$port" ] && break
  kill -0 $! || { cat "$dir/socat.log"; exit 1; }
  sleep 0.02
done
echo "port $port" >&3
exec unshare --net chroot "$top/" bash /run/daemons.sh
