/** Debian packages of the libvirt rig, each with what the rig uses of it: a command, or a file by its path. @module */

/** What running hypervisors takes. */
export const HYPERVISOR_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "libvirt-daemon": ["libvirtd", "virtlogd"],
  "libvirt-daemon-driver-qemu": ["/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so"],
  "libvirt-clients": ["virsh"],
  "qemu-system-x86": ["qemu-system-x86_64"],
  "qemu-utils": ["qemu-img"],
  // UEFI, with Secure Boot and without.
  "ovmf": ["/usr/share/OVMF/OVMF_CODE_4M.fd"],
  "swtpm": ["swtpm"],
  "swtpm-tools": ["swtpm_setup"],
  "openssh-server": ["sshd"],
  "openssl": ["openssl"],
  // A libvirtd that asks for a user and a password.
  "sasl2-bin": ["saslpasswd2"],
  "libsasl2-modules": ["/usr/lib/x86_64-linux-gnu/sasl2/libscram.so"],
  "openssh-client": ["ssh", "ssh-keygen"],
  "dnsmasq-base": ["dnsmasq"],
  "iptables": ["iptables"],
  "iproute2": ["ip"],
  "mount": ["mount"],
  "hostname": ["hostname"],
  "procps": ["ps"],
  "socat": ["socat"],
  "genisoimage": ["genisoimage"],
  "util-linux": ["unshare", "nsenter"],
};

/** What building the guest image takes. */
export const IMAGE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "apt": ["apt-cache", "apt-get"],
  "dpkg": ["dpkg-deb"],
  "qemu-utils": ["qemu-img"],
  "binutils": ["strip"],
  "cpio": ["cpio"],
  "kmod": ["depmod", "modprobe"],
  "fdisk": ["sfdisk"],
  "dosfstools": ["mkfs.vfat"],
  "e2fsprogs": ["mkfs.ext4"],
  "mtools": ["mcopy"],
  "syslinux": ["syslinux"],
  "syslinux-common": ["/usr/lib/syslinux/mbr/mbr.bin"],
};
