#!/bin/busybox sh
# What udhcpc runs when its lease changes. The lab needs an address and nothing else.
[ "$1" = bound ] && ip address add "$ip/$mask" dev "$interface"
