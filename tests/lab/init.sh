#!/bin/busybox sh
# The first and only program of the lab's Linux: says where it runs, fetches one file, says that it is done.
/bin/busybox --install -s /bin
export PATH=/bin
set -f # a URL's ? is not a pattern
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

firmware=BIOS
[ -d /sys/firmware/efi ] && firmware=EFI
echo "LAB machine $(uname -m) $firmware"
echo "LAB cmdline $(cat /proc/cmdline)"

for module in $(ls /modules); do insmod "/modules/$module"; done
# A variable's value stands behind four bytes of attributes (Documentation/filesystems/efivarfs.rst).
if mount -t efivarfs efivarfs /sys/firmware/efi/efivars 2>/dev/null; then
    for variable in SecureBoot SetupMode; do
        set -- $(od -A n -t u1 "/sys/firmware/efi/efivars/$variable-8be4df61-93ca-11d2-aa0d-00e098032b8c")
        echo "LAB $variable $5"
    done
fi
ip link set eth0 up
udhcpc -i eth0 -q -f -n -t 10 -T 1 -s /udhcpc.sh

for word in $(cat /proc/cmdline); do
    case $word in
        lab.fetch=*) url=${word#lab.fetch=} ;;
        "ds=nocloud;s="*) seed=${word#"ds=nocloud;s="} ;;
    esac
done
# What cloud-init fetches: the words behind a URL that ends with a slash.
for name in ${seed:+user-data meta-data}; do
    wget -q -O - "$seed$name" | sed "s/^/LAB seed $name /"
done
wget -q -O /fetched "$url" && set -- $(sha256sum /fetched) && echo "LAB fetched $(stat -c %s /fetched) $1"
echo "LAB done"
poweroff -f
