#!/bin/bash
# A stand-in for LVM, not LVM: the kernels of build machines have no device-mapper, so the real commands cannot run here.
# Answers the calls that libvirt's storage backend "logical" makes (pvs, vgscan, vgchange, vgs, lvs, lvcreate, lvchange,
# lvremove), called by their names, in the words that libvirt reads. Volumes are loop devices over sparse files.
# Harsher than LVM in one thing: a new volume is full of what somebody else left, which with LVM depends on the past.
set -euo pipefail
store=/root/lvm # a folder for each volume group: its size and that of its extents in bytes, and two files for each volume
active=/run/lvm # a file for each active volume: the process that holds its device

die() {
  echo "  $1" >&2
  exit 5
}
volumes() { find "$store/$1" -name '*.img' -printf '%f\n' | sed 's/\.img$//' | sort; }
size_of() { stat --format=%s "$store/$1/$2.img"; }
taken() {
  local sum=0 lv
  for lv in $(volumes "$1"); do sum=$((sum + $(size_of "$1" "$lv"))); done
  echo $sum
}

# The device is given back when the last process that has it open ends: with the host, however that ends.
activate() {
  [ -e "$active/$1/$2" ] && return
  local loop
  loop=$(losetup --find --show "$store/$1/$2.img")
  exec 8<> "$loop"
  sleep infinity < /dev/null > /dev/null 2>&1 9>&- &
  exec 8>&-
  mkdir -p "$active/$1" "/dev/$1"
  echo $! > "$active/$1/$2"
  losetup --detach "$loop"
  ln -sfn "$loop" "/dev/$1/$2"
}

deactivate() {
  [ -e "$active/$1/$2" ] || return 0
  local holder open
  holder=$(cat "$active/$1/$2")
  open=$(find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/*' -not -path "/proc/$holder/*" \
    -lname "$(readlink "/dev/$1/$2")" 2> /dev/null | wc -l) || true # processes come and go meanwhile
  [ "$open" = 0 ] || die "Logical volume $1/$2 in use."
  kill "$holder"
  rm "/dev/$1/$2" "$active/$1/$2"
}

# Names as device-mapper takes them: hyphens are written twice there, and 127 characters are the most.
check_name() {
  [[ $2 =~ ^[A-Za-z0-9_.+][A-Za-z0-9_.+-]*$ ]] || die "Logical volume name \"$2\" has invalid characters."
  local mapped=${1//-/--}-${2//-/--}
  [ ${#mapped} -le 127 ] || die "Name \"$mapped\" is too long."
}

create() {
  local name='' kib='' vg='' free need step
  while [ $# -gt 0 ]; do
    case $1 in
      --name) name=$2 && shift ;;
      -L) kib=${2%K} && shift ;;
      --yes) ;;
      -*) die "the stand-in makes plain volumes only, not with $1" ;;
      *) vg=$1 ;;
    esac
    shift
  done
  check_name "$vg" "$name"
  [ -e "$store/$vg/$name.img" ] && die "Logical Volume \"$name\" already exists in volume group \"$vg\""
  need=$(((kib * 1024 + extent - 1) / extent))
  free=$((($(cat "$store/$vg/size") - $(taken "$vg")) / extent))
  [ $need -le $free ] || die "Volume group \"$vg\" has insufficient free space ($free extents): $need required."
  truncate --size $((need * extent)) "$store/$vg/$name.img"
  # Up to 64 marks, at both ends and in between.
  step=$(((need + 62) / 63))
  for at in $(seq 0 $step $((need - 1))) $((need - 1)); do
    dd if=<(yes "left by somebody else") of="$store/$vg/$name.img" bs=4K count=2 iflag=fullblock conv=notrunc status=none \
      seek=$((at * (extent / 4096) + (at == need - 1 ? extent / 4096 - 2 : 0)))
  done
  tr -d - < /proc/sys/kernel/random/uuid | sed -E 's/(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.*)/\1-\2-\3-\4-\5-\6-\7/' \
    > "$store/$vg/$name.uuid"
  activate "$vg" "$name"
}

# One at a time, as LVM's own lock has it: nobody sees a volume that is half made, though its maker has lost its parent.
exec 9> /run/lvm.lock
flock 9
# The last argument is a path or a group.
last=${*: -1}
vg=${last#/dev/} lv=''
case $vg in */*) lv=${vg#*/} vg=${vg%%/*} ;; esac
known() {
  [ -d "$store/$vg" ] || die "Volume group \"$vg\" not found"
  extent=$(cat "$store/$vg/extent")
}
case $(basename "$0") in
  vgscan) ;;
  pvs) for group in "$store"/*/; do echo "  /dev/stand-in $(basename "$group")"; done ;;
  vgs)
    known
    echo "  $(cat "$store/$vg/size"):$(($(cat "$store/$vg/size") - $(taken "$vg")))"
    ;;
  vgchange)
    known
    for each in $(volumes "$vg"); do
      case $1 in -a*y) activate "$vg" "$each" ;; *) deactivate "$vg" "$each" ;; esac
    done
    ;;
  lvs)
    known
    for each in $(volumes "$vg"); do
      size=$(size_of "$vg" "$each") state=-
      [ -e "$active/$vg/$each" ] && state=a
      echo "  $each##$(cat "$store/$vg/$each.uuid")#/dev/stand-in(0)#linear#1#$size#$extent#$size#-wi-$state-----"
    done
    ;;
  lvcreate)
    vg=${*: -2:1}
    known
    create "$@"
    ;;
  lvchange) deactivate "$vg" "$lv" ;;
  lvremove)
    [ -e "$store/$vg/$lv.img" ] || die "Failed to find logical volume \"$vg/$lv\""
    deactivate "$vg" "$lv"
    rm "$store/$vg/$lv.img" "$store/$vg/$lv.uuid"
    ;;
  *) die "the stand-in does not know $0" ;;
esac
