# For the guests' build.sh, which source it: where they work, and the disk that they end with.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# bios_disk BOOT_MIB BOOT_LABEL EXT4_MIB BOOT_FILE...: makes $work/disk, which boots by BIOS (syslinux on a FAT partition
# with the files given). Its second partition is $work/ext4, made before. Takes neither a loop device nor a mount.
bios_disk() {
  local boot=$1 label=$2 ext4=$3
  shift 3
  # One MiB is left free at either end.
  truncate -s $((boot + ext4 + 2))M "$work/disk"
  printf 'start=1MiB, size=%dMiB, type=e, bootable\nstart=%dMiB, size=%dMiB, type=83\n' "$boot" $((boot + 1)) "$ext4" |
    sfdisk --quiet "$work/disk"
  truncate -s "${boot}M" "$work/fat"
  mkfs.vfat -F 16 -n "$label" "$work/fat" > /dev/null
  mcopy -i "$work/fat" "$@" ::/
  dd if="$work/fat" of="$work/disk" bs=1M seek=1 conv=notrunc status=none
  dd if="$work/ext4" of="$work/disk" bs=1M seek=$((boot + 1)) conv=notrunc,sparse status=none
  # syslinux writes the partition's hidden-sector count itself only for a real disk, so it works on the file at its offset.
  syslinux --offset $((1024 * 1024)) --install "$work/disk"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/disk" bs=440 count=1 conv=notrunc status=none
}

# as_qcow2 OUT OPTION...: turns $work/disk into OUT, which is there whole or not at all.
as_qcow2() {
  local out
  out=$(realpath -m "$1")
  shift
  mkdir -p "$(dirname "$out")"
  qemu-img convert -q -O qcow2 "$@" "$work/disk" "$out.$$"
  mv "$out.$$" "$out"
}
