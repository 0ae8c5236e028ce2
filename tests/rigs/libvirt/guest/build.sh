#!/bin/bash
# Builds the guest of the libvirt rig: build.sh OUT.qcow2
# Debian's cloud kernel, busybox and the real qemu-ga in an initramfs; a disk that boots by BIOS and keeps its state on a
# second, ext4 partition. Needs no root.
source "$(dirname "$(realpath "$0")")/../bios_disk.sh"

kernel_package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
mkdir -p "$work"/{deb,debian,root,boot,state/state}
(cd "$work/deb" && apt-get -qq -o APT::Sandbox::User=root download "$kernel_package" qemu-guest-agent busybox-static)
for package in "$work"/deb/*.deb; do dpkg-deb -x "$package" "$work/debian"; done
release=$(basename "$work"/debian/lib/modules/*)

root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,etc,root,state,seed,usr/bin,usr/sbin,var/run,var/log,lib64,lib/x86_64-linux-gnu}
install "$work/debian/bin/busybox" "$root/bin/busybox"
"$root/bin/busybox" --list | grep -vx busybox | while read -r applet; do ln -s busybox "$root/bin/$applet"; done
install "$work/debian/usr/sbin/qemu-ga" "$root/usr/sbin/qemu-ga"
ldd "$root/usr/sbin/qemu-ga" | grep -o '/[^ ]*' | while read -r library; do
  case $library in
    */ld-linux*) install "$library" "$root/lib64/" ;;
    *) install "$(realpath "$library")" "$root/lib/x86_64-linux-gnu/$(basename "$library")" ;;
  esac
done

# Only the modules that virtual hardware needs, flat, with a modules.dep of their own: one modprobe loads them all.
modules=$root/lib/modules/$release
mkdir -p "$modules"
depmod -b "$work/debian" "$release"
for module in virtio_pci virtio_blk virtio_net virtio_console virtio_scsi virtio_balloon virtio-rng sd_mod sr_mod \
  isofs vfat nls_utf8 nls_cp437 nls_iso8859-1 nls_ascii button evdev ata_piix; do
  modprobe -d "$work/debian" -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }' || true
done | sort -u | while read -r file; do strip --strip-debug -o "$modules/$(basename "$file")" "$file"; done
depmod -b "$root" "$release" 2>/dev/null

cp -a "$here/root/." "$root/"
chmod 755 "$root/init" "$root"/sbin/*
printf 'root::0:0:root:/root:/bin/sh\n' > "$root/etc/passwd"
printf 'root:*:19000:0:99999:7:::\n' > "$root/etc/shadow"
printf 'root:x:0:\n' > "$root/etc/group"
printf 'NAME="VirtRigaud Rig"\nID=virtrigaud-rig\nVERSION_ID="1"\nPRETTY_NAME="VirtRigaud Rig 1"\n' > "$root/etc/os-release"

cp "$work/debian/boot/vmlinuz-$release" "$work/boot/vmlinuz"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) > "$work/boot/initrd"
cat > "$work/boot/syslinux.cfg" <<'C'
DEFAULT rig
PROMPT 0
TIMEOUT 1
LABEL rig
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND console=tty0 console=ttyS0,115200 quiet loglevel=4 mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on cryptomgr.notests audit=0 net.ifnames=0 rcupdate.rcu_expedited=1 panic=5
C

truncate -s 16M "$work/ext4"
mkfs.ext4 -q -L rigstate -m 0 -O ^metadata_csum,^64bit -d "$work/state" "$work/ext4"
bios_disk 46 RIGBOOT 16 "$work/boot/vmlinuz" "$work/boot/initrd" "$work/boot/syslinux.cfg"
as_qcow2 "$1"
