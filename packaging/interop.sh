#!/bin/sh
# Installs the programs that `make interop` drives, where Debian has them, and says which ones are missing.
#
# It asks for nothing: it installs as root, or where sudo needs no password, and otherwise names the command that does
# it. A program that is missing fails nothing here: its tests are skipped, and say so.
set -u
cd "$(dirname "$0")/.." || exit 2
log=.cache/setup/interop.log
mkdir -p .cache/setup && : >"$log" || exit 2

# One line for each: the program that is looked for, the Debian package that has it, what is tested with it.
needed() {
    cat <<'END'
darktable-cli darktable ratings, labels, edits and exports made in darktable
rawtherapee-cli rawtherapee edits made in RawTherapee
exiftool libimage-exiftool-perl ratings written by exiftool
exiv2 exiv2 ratings written by exiv2
gio libglib2.0-bin the trash of the desktop
gvfsd gvfs restoring from the trash of the desktop
dbus-run-session dbus the trash of the desktop
trash-put trash-cli the trash on the command line
rsync rsync backups, mirrors and moves by rsync
git git photographs under git
syncthing syncthing photographs shared by Syncthing
mogrify imagemagick pixels changed in place
mount mount disks that are taken out and come back
losetup mount disks in a file
mkfs.ext4 e2fsprogs disks with ext4
mkfs.vfat dosfstools disks with FAT
mkfs.exfat exfatprogs disks with exFAT
mount.exfat-fuse exfat-fuse disks with exFAT where the kernel has no driver for it
END
}

PATH=$PATH:/usr/sbin:/sbin:/usr/libexec
. packaging/programs.sh
