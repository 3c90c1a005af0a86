#!/bin/sh
# A Debian with wine for 32 and 64 bit in the folder $1, apart from this machine's own packages: their
# 32-bit ones can often not be installed beside it. For tests only: it gets no security updates.
set -eu
root=$1
. /etc/os-release
command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
# Wherever this machine has its own packages from.
source=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$VERSION_CODENAME" '$2 == suite && $3 == "main" { print $1; exit }')
rm -rf "$root"
mkdir -p "$(dirname "$root")"
mmdebstrap --quiet --architectures=amd64,i386 --variant=apt \
    --aptopt='APT::Install-Recommends "false"' --include=wine,wine32:i386,wine64 \
    "$VERSION_CODENAME" "$root" "deb $source $VERSION_CODENAME main"
mkdir -p "$root/mnt/fks"
run=$(dirname "$0")/run.sh
"$run" "$root" /tmp wineboot -i
# Not every kernel runs both: better no wine than half of one.
for folder in syswow64 system32; do
    "$run" "$root" /tmp wine "C:\\windows\\$folder\\cmd.exe" /c ver
done
touch "$root/.ready"
