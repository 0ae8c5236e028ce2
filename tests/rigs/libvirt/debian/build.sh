#!/bin/bash
# Builds a real Debian cloud guest: build.sh OUT.qcow2
# Debian bookworm with its own kernel, systemd, cloud-init, qemu-guest-agent and sshd, from Debian's packages alone. It
# boots by BIOS (syslinux on a FAT partition); the root partition is the last one, so that cloud-init can grow it. Needs
# root for mmdebstrap, and neither a loop device nor a mount.
set -euo pipefail
out=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
chmod 755 "$work"

packages=linux-image-cloud-amd64,initramfs-tools,zstd,systemd-sysv,systemd-resolved,udev,dbus,cloud-init
packages+=,cloud-guest-utils,fdisk,e2fsprogs,qemu-guest-agent,openssh-server,iproute2,sudo,netbase
echo 'Debian guest, 1 of 3: packages, the longest part'
# What decides the initramfs has to be there before the kernel is installed.
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook="cp -a '$here/before/.' \"\$1/\"" \
  --customize-hook="cp -a '$here/after/.' \"\$1/\"" \
  --customize-hook='chroot "$1" sh /root/finish.sh && rm "$1/root/finish.sh"' \
  bookworm "$work/root" \
  'deb http://deb.debian.org/debian bookworm main' \
  'deb http://deb.debian.org/debian bookworm-updates main' \
  'deb http://deb.debian.org/debian-security bookworm-security main'

echo 'Debian guest, 2 of 3: partitions and file systems'
kernel=$(basename "$work"/root/boot/vmlinuz-*)
cp "$work/root/boot/$kernel" "$work/vmlinuz"
cp "$work/root/boot/initrd.img-${kernel#vmlinuz-}" "$work/initrd"
cp "$here/syslinux.cfg" "$work/syslinux.cfg"
# MiB: 1 gap, 64 boot, 1400 root.
truncate -s 1465M "$work/disk"
printf 'start=1MiB, size=64MiB, type=e, bootable\nstart=65MiB, size=1400MiB, type=83\n' | sfdisk --quiet "$work/disk"
truncate -s 64M "$work/fat"
mkfs.vfat -F 16 -n DEBBOOT "$work/fat" > /dev/null
mcopy -i "$work/fat" "$work/vmlinuz" "$work/initrd" "$work/syslinux.cfg" ::/
truncate -s 1400M "$work/ext4"
mkfs.ext4 -q -L debroot -O ^orphan_file -d "$work/root" "$work/ext4"
dd if="$work/fat" of="$work/disk" bs=1M seek=1 conv=notrunc status=none
dd if="$work/ext4" of="$work/disk" bs=1M seek=65 conv=notrunc,sparse status=none
# syslinux writes the partition's hidden-sector count itself only for a real disk, so it works on the file at its offset.
syslinux --offset $((1024 * 1024)) --install "$work/disk"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/disk" bs=440 count=1 conv=notrunc status=none

echo 'Debian guest, 3 of 3: compressing the image'
mkdir -p "$(dirname "$out")"
qemu-img convert -q -c -O qcow2 -o compression_type=zstd "$work/disk" "$out.$$"
mv "$out.$$" "$out"
