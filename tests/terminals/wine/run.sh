#!/bin/sh
# run.sh ROOT FOLDER COMMAND...: runs it in the root that fetch.sh has made, FOLDER being /mnt/fks there.
# What is mounted for it is gone with it.
exec unshare -m sh -c '
    root=$1 folder=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind "$folder" "$root/mnt/fks"
    exec chroot "$root" env -i HOME=/root PATH=/usr/lib/wine:/usr/bin:/bin DISPLAY= WINEDEBUG=-all \
        WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d" WINEPREFIX=/root/prefix "$@"
' sh "$@"
