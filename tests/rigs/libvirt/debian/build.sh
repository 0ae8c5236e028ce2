#!/bin/bash
# Builds a real Debian cloud guest: build.sh OUT.qcow2 [ARGUMENT OF MMDEBSTRAP]...
# Debian bookworm with its own kernel, systemd, cloud-init, qemu-guest-agent and sshd, from Debian's packages alone. It
# boots by BIOS; the root partition is the last one, so that cloud-init can grow it. Needs root for mmdebstrap.
source "$(dirname "$(realpath "$0")")/../bios_disk.sh"

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
  bookworm "$work/root" "${@:2}"

echo 'Debian guest, 2 of 3: partitions and file systems'
kernel=$(basename "$work"/root/boot/vmlinuz-*)
cp "$work/root/boot/$kernel" "$work/vmlinuz"
cp "$work/root/boot/initrd.img-${kernel#vmlinuz-}" "$work/initrd"
truncate -s 1400M "$work/ext4"
mkfs.ext4 -q -L debroot -O ^orphan_file -d "$work/root" "$work/ext4"
bios_disk 64 DEBBOOT 1400 "$work/vmlinuz" "$work/initrd" "$here/syslinux.cfg"

echo 'Debian guest, 3 of 3: compressing the image'
as_qcow2 "$1" -c -o compression_type=zstd
